//! The module structure of the programs, as a table. `make lint` fails if the code differs.
//!
//! No two files of a crate use each other, directly or through others; this rule needs no table. The table has further rules. A
//! rule about a missing module fails too, so that the table stays up to date.

/// The modules that a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// A module with everything below it.
    Tree(&'static str),
    /// A single file: `operator::controller` is the driver in `controller/mod.rs`, without the steps below it.
    File(&'static str),
    /// Each folder in a module's folder.
    Folders(&'static str),
}
use Part::{File, Folders, Tree};

/// Which modules may use the modules behind a door, each with the reason.
#[derive(Debug)]
pub struct Door {
    /// Its name in a message.
    pub called: &'static str,
    pub to: &'static [Part],
    pub open_to: &'static [(Part, &'static str)],
    pub why: &'static str,
}

/// From the inside out: a ring uses itself and the rings before it.
#[derive(Debug)]
pub struct Rings {
    pub of: &'static str,
    pub order: &'static [&'static [Part]],
}

/// Modules that do not use each other.
#[derive(Debug)]
pub struct Apart {
    pub parts: &'static [Part],
    pub why: &'static str,
}

/// A workspace crate and the workspace crates that it may depend on.
pub type Arrows = (&'static str, &'static [&'static str]);

#[derive(Debug)]
pub struct Rules {
    pub crates: &'static [Arrows],
    pub apart: &'static [Apart],
    pub doors: &'static [Door],
    pub rings: &'static [Rings],
}

const STEPS: &[Part] = &[
    Tree("operator::controller::observe"),
    Tree("operator::controller::validate"),
    Tree("operator::controller::render"),
    Tree("operator::controller::plan"),
    Tree("operator::controller::apply"),
    Tree("operator::controller::status"),
];

const CONFIG_IS_READ_ONCE: &str = "settings are read once, at the start, and passed on";

/// The checked crates, in order. `tests` may depend on everything, and nothing depends on it.
pub const RULES: Rules = Rules {
    crates: &[("crds", &[]), ("operator", &["crds"]), ("signer", &[])],
    apart: &[
        Apart {
            parts: STEPS,
            why: "a step of the operator does not use another step: the values that they pass on are in `model`, and shared code about pod templates is in `template`",
        },
        Apart {
            parts: &[Tree("signer::policy"), Tree("signer::backend")],
            why: "the policy decides before a key is used, in the same way for every key",
        },
        Apart {
            parts: &[Tree("signer::config"), Tree("signer::service")],
            why: CONFIG_IS_READ_ONCE,
        },
        Apart {
            parts: &[Tree("signer::config"), Tree("signer::http")],
            why: CONFIG_IS_READ_ONCE,
        },
    ],
    doors: &[
        Door {
            called: "a step of the operator",
            to: STEPS,
            open_to: &[
                (File("operator::controller"), "the driver calls them in their order"),
                (
                    File("operator::controller::run"),
                    "creates the values with which the first and the fifth step read and write",
                ),
                (File("operator::controller::context"), "keeps the values of the driver"),
                (
                    File("operator::controller::let_go"),
                    "the driver for held Deployments without a binding",
                ),
                (Tree("operator::commands"), "run some of them for a person"),
                (
                    File("operator::serve"),
                    "checks once with validate whether the signer's image is allowed",
                ),
            ],
            why: "only the driver calls the steps, and no helper bypasses it",
        },
        // Modules that send requests to the API server are behind this door. The next doors restrict some of them further.
        Door {
            called: "operator::cluster",
            to: &[Tree("operator::cluster")],
            open_to: &[
                (Tree("operator::controller::observe"), "reads"),
                (Tree("operator::controller::apply"), "writes"),
                (Tree("operator::commands"), "do the work of the driver for a person"),
                (File("operator::controller"), "the driver hands it to observe and apply"),
                (File("operator::controller::run"), "creates the controller"),
                (File("operator::serve"), "opens it"),
                (File("operator::leader"), "requests the Lease with the same deadlines"),
            ],
            why: "only observe and apply send requests to the API server; validate, render, plan and status are pure",
        },
        Door {
            called: "operator::cluster::stores",
            to: &[File("operator::cluster::stores")],
            open_to: &[
                (Tree("operator::controller::observe"), "reads"),
                (File("operator::controller"), "the driver waits until they are filled"),
                (
                    File("operator::controller::context"),
                    "has the stores for which the driver waits",
                ),
                (File("operator::controller::run"), "fills them"),
                (Tree("operator::controller::watches"), "find the binding of a change"),
                (File("operator::admin"), "ready when they are filled"),
                (File("operator::serve"), "shows them to admin"),
                (Tree("operator::commands"), "fill them once, without a watch"),
                (Tree("operator::telemetry"), "counts the objects in them"),
            ],
            why: "the stores are a copy of the cluster's state, so the same rule applies to them",
        },
        Door {
            called: "operator::cluster::fence",
            to: &[File("operator::cluster::fence")],
            open_to: &[
                (File("operator::leader"), "closes it when the Lease is lost"),
                (File("operator::serve"), "puts it before the client"),
                (Tree("operator::commands"), "have no Lease: it is open"),
            ],
            why: "one place decides which operator leads",
        },
        Door {
            called: "operator::cluster::liveness",
            to: &[File("operator::cluster::liveness")],
            open_to: &[
                (Tree("operator::telemetry"), "answers the probe from it"),
                (File("operator::controller"), "reports that a reconcile makes progress"),
                (File("operator::serve"), "puts it before the client"),
                (Tree("operator::commands"), "make a client as serve does"),
            ],
            why: "only these modules report that the operator makes progress",
        },
        Door {
            called: "the folder of a key service",
            to: &[Folders("signer::backend")],
            open_to: &[(File("signer::backend"), "VENDORS, the one list of them")],
            why: "a key service is one folder and one line",
        },
    ],
    rings: &[Rings {
        of: "signer",
        order: &[
            &[Tree("signer::protocol")],
            // Small modules that use nothing else of the program.
            &[
                File("signer::caught"),
                File("signer::exit"),
                File("signer::net"),
                File("signer::one_line"),
                File("signer::process"),
                Tree("signer::settings"),
                File("signer::token"),
            ],
            &[Tree("signer::policy"), Tree("signer::backend")],
            // The backend counts the calls of a key service.
            &[Tree("signer::telemetry")],
            &[Tree("signer::service"), Tree("signer::config")],
            &[Tree("signer::http")],
            &[File("signer::management")],
            &[Tree("signer::serve")],
            &[File("signer")],
            &[Tree("signer::cli")],
            &[File("signer::main")],
        ],
    }],
};
