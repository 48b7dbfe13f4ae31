//! The real kubectl and the operator's code read each document of `tests/yaml`: both read the same objects, or both
//! refuse.

use std::path::{Path, PathBuf};
use std::{fs, iter};

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use operator::yaml;
use serde_json::{Deserializer, Value, json};
use tests::process::Directory;
use tests::{ControlPlane, Kubeconfig, workspace};

/// Number of concurrent kubectl processes.
const AT_A_TIME: usize = 4;

/// Documents that kubectl accepts although they are probably mistakes. The operator's code refuses them.
const REFUSED: [&str; 7] = [
    "alias-as-key-without-space.yaml",
    "directive-in-the-middle.yaml",
    "flow-dash-only.yaml",
    "flow-key-with-question.yaml",
    "flow-word-with-colon-inside.yaml",
    "flow-word-with-question.yaml",
    "tag-before-comma.yaml",
];

fn corpus(folder: &str) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(workspace::root().join(folder))?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    files.retain(|file| file.is_file());
    files.sort();
    Ok(files)
}

/// The objects that kubectl reads, or kubectl's error.
async fn by_kubectl(who: &Kubeconfig, file: &Path) -> Result<Result<Vec<Value>, String>> {
    let file = file.to_str().context("no text")?;
    let create = [
        "create",
        "--dry-run=client",
        "--validate=false",
        "--output=json",
        "--filename",
        file,
    ];
    let answer = who.kubectl(&create).await?;
    // For kubectl, a file without objects is an error. For the operator's code, it has no objects.
    if answer.stderr.contains("no objects passed to create") {
        return Ok(Ok(vec![]));
    }
    if !answer.succeeded {
        return Ok(Err(answer.stderr));
    }
    let objects = Deserializer::from_str(&answer.stdout).into_iter::<Value>();
    Ok(Ok(objects
        .map(|object| Ok(comparable(object?)))
        .collect::<Result<_>>()?))
}

/// For kubectl, every number that is not a 64-bit integer is a float, in any notation.
fn comparable(value: Value) -> Value {
    match value {
        Value::Number(number) if number.as_i64().is_none() => json!(number.as_f64()),
        Value::Array(items) => items.into_iter().map(comparable).collect(),
        Value::Object(map) => map.into_iter().map(|(key, value)| (key, comparable(value))).collect(),
        other => other,
    }
}

/// The objects that the operator's code reads, in kubectl's form: with the namespace of the context.
fn by_us(file: &Path) -> Result<Result<Vec<Value>, String>> {
    let objects = yaml::objects(&yaml::decode(&fs::read(file)?));
    Ok(objects.map(|mut objects| {
        for object in &mut objects {
            if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
                metadata.entry("namespace").or_insert_with(|| json!("default"));
            }
        }
        objects
    }))
}

#[tokio::test]
async fn every_document_of_the_corpus_is_read_as_kubectl_reads_it() -> Result<()> {
    let files = corpus("tests/yaml")?;
    ensure!(files.len() > 150, "found {} documents only", files.len());
    are_read_alike(files).await
}

/// An older kubectl treats every text that begins with `{` as JSON, and refuses other text. The operator's code reads
/// it as the newest kubectl does.
mod from_kubernetes_1_36 {
    use super::*;

    #[tokio::test]
    async fn what_begins_as_json_may_go_on_as_yaml() -> Result<()> {
        are_read_alike(corpus("tests/yaml/from-kubernetes-1.36")?).await
    }
}

async fn are_read_alike(files: Vec<PathBuf>) -> Result<()> {
    let who = ControlPlane::shared().await?.admin();
    // Fills kubectl's cache of the served kinds.
    who.kubectl_ok(&["api-resources"]).await?;
    let differences: Vec<String> = stream::iter(files)
        .map(|file| async move {
            let name = file.file_name().unwrap_or_default().display().to_string();
            let (theirs, ours) = (by_kubectl(who, &file).await?, by_us(&file)?);
            let is_same = match (&theirs, &ours) {
                (Ok(theirs), Ok(ours)) => theirs == ours,
                (Err(_), Err(_)) => true,
                (Ok(_), Err(_)) => REFUSED.contains(&name.as_str()),
                _ => false,
            };
            anyhow::Ok((!is_same).then(|| format!("{name}:\n  kubectl {theirs:?}\n  we      {ours:?}")))
        })
        .buffer_unordered(AT_A_TIME)
        .try_filter_map(async |difference| Ok(difference))
        .try_collect()
        .await?;
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    Ok(())
}

/// Words that YAML 1.1 reads as another type, and words that a writer must quote.
const WORDS: [&str; 64] = [
    "yes",
    "y",
    "N",
    "no",
    "On",
    "off",
    "true",
    "True",
    "~",
    "null",
    "Null",
    "",
    "0400",
    "0o17",
    "0b1",
    "1_000",
    "0x1F",
    "08",
    "012",
    "+1",
    "-1",
    ".5",
    "1.",
    "1e3",
    "1E-3",
    "1:30",
    "12:30:45",
    "=",
    "<<",
    "2024-01-01",
    "2024-01-01T00:00:00Z",
    ".inf",
    "-.INF",
    ".NaN",
    "!!str",
    "!x",
    "&a",
    "*a",
    "- a",
    "-",
    "? a",
    "a: b",
    ": a",
    "a #b",
    "#a",
    "@a",
    "`a",
    "%a",
    "a\nb",
    "a\nb\n",
    "a\n\n",
    "\n",
    "  a\n b",
    " a",
    "a ",
    "\ta",
    "a\tb",
    "'",
    "\"",
    "\\",
    "---",
    "{}",
    "[a",
    "ä 😀 \u{85}\u{2028}\u{feff}\u{7f}",
];

#[tokio::test]
async fn kubectl_reads_what_the_programs_write() -> Result<()> {
    let who = ControlPlane::shared().await?.admin();
    let folder = Directory::new()?;
    let file = folder.path().join("written.yaml");
    let words: Value = WORDS.iter().map(|word| json!(word)).collect();
    let keys: Value = WORDS
        .iter()
        .map(|word| ((*word).to_owned(), json!({*word: *word})))
        .collect();
    let mut objects = vec![json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "words", "namespace": "default"},
        "words": words, "keys": keys, "numbers": [0, -1, 1.5, 1e300, 0.000_001, i64::MAX, i64::MIN], "rest": [true, null, [], {}, [[]], [{}]],
    })];
    for document in corpus("tests/yaml")? {
        objects.extend(by_us(&document)?.unwrap_or_default());
    }
    let texts: Vec<_> = objects
        .iter()
        .map(|object| yaml::print(object).map_err(anyhow::Error::msg))
        .collect::<Result<_>>()?;
    fs::write(&file, texts.join("---\n"))?;
    let read = by_kubectl(who, &file).await?.map_err(anyhow::Error::msg)?;
    assert_eq!(read.len(), objects.len());
    for (read, written) in iter::zip(read, objects) {
        assert_eq!(read, written);
    }
    Ok(())
}
