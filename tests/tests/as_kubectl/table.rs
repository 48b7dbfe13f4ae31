//! Kubeconfigs in a table: each is given to kubectl and to a program.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use anyhow::Result;
use crds::kubernetes::OLDEST;
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::Value;

use super::subject::Subject;

/// A kubeconfig, and whether kubectl reaches the API server with it.
pub struct Row {
    pub name: &'static str,
    pub kubeconfig: String,
    pub environment: Vec<(&'static str, String)>,
    pub reached: bool,
    /// Whether the oldest kubectl reaches it, if that differs. The programs behave like the newest kubectl.
    pub reached_by_the_oldest: bool,
}

/// Rows that kubectl and the programs both run.
pub struct Table {
    pub subject: Subject,
    pub rows: Vec<Row>,
}

impl Table {
    pub async fn new() -> Result<Self> {
        let subject = Subject::new().await?;
        Ok(Self { subject, rows: vec![] })
    }

    pub fn path(&mut self, name: &'static str, kubeconfig: impl Into<String>, reached: bool) -> &mut Row {
        self.rows.push(Row {
            name,
            kubeconfig: kubeconfig.into(),
            environment: vec![],
            reached,
            reached_by_the_oldest: reached,
        });
        let last = self.rows.len() - 1;
        &mut self.rows[last]
    }

    pub fn file(&mut self, name: &'static str, contents: &Value, reached: bool) -> Result<&mut Row> {
        let path = self.subject.write(contents)?.display().to_string();
        Ok(self.path(name, path, reached))
    }

    pub fn text(&mut self, name: &'static str, contents: &str, reached: bool) -> Result<()> {
        let path = self.subject.write_text(contents)?.display().to_string();
        self.path(name, path, reached);
        Ok(())
    }

    pub fn several(&mut self, name: &'static str, files: &[Value], reached: bool) -> Result<()> {
        let paths = files
            .iter()
            .map(|file| Ok(self.subject.write(file)?.display().to_string()));
        let paths: Result<Vec<_>> = paths.collect();
        self.path(name, paths?.join(":"), reached);
        Ok(())
    }

    pub fn beside(&self, name: &str, contents: &str) -> Result<PathBuf> {
        let path = self.subject.folder.path().join(name);
        fs::write(&path, contents)?;
        Ok(path)
    }

    /// A credential plugin that prints this.
    pub fn plugin(&self, name: &str, body: &str) -> Result<()> {
        let path = self.beside(name, &format!("#!/bin/sh\n{body}\n"))?;
        Ok(fs::set_permissions(path, fs::Permissions::from_mode(0o755))?)
    }

    /// Runs each row with both programs.
    pub async fn holds(self) -> Result<()> {
        let subject = &self.subject;
        let is_oldest = subject.plane.minor().await? == OLDEST;
        let differences: Vec<String> = stream::iter(&self.rows)
            .map(|row| async move {
                let kubectl = subject.kubectl(&row.kubeconfig, &row.environment).await?;
                let operator = subject.operator(&row.kubeconfig, &row.environment).await?;
                let by_kubectl = if is_oldest {
                    row.reached_by_the_oldest
                } else {
                    row.reached
                };
                let is_as_expected = kubectl.reached == by_kubectl && operator.reached == row.reached;
                let told = format!(
                    "{} (expected: {}):\n  {kubectl:?}\n  {operator:?}",
                    row.name, row.reached
                );
                anyhow::Ok((!is_as_expected).then_some(told))
            })
            .buffer_unordered(3)
            .try_filter_map(async |difference| Ok(difference))
            .try_collect()
            .await?;
        assert!(differences.is_empty(), "{}", differences.join("\n"));
        Ok(())
    }
}
