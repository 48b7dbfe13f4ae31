macro_rules! labels {
    ($(#[$documentation:meta])* $name:ident { $($(#[$comment:meta])* $variant:ident = $label:literal,)+ }) => {
        $(#[$documentation])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$comment])* $variant,)+ }

        impl $name {
            /// All labels, in the order of their discriminants.
            pub const LABELS: &[&str] = &[$($label),+];

            /// The label in metrics and audit lines.
            pub const fn label(self) -> &'static str {
                Self::LABELS[self as usize]
            }
        }
    };
}

labels! {
    /// How a signing request with the right token ended.
    Outcome {
        /// With a signature.
        Signed = "signed",
        /// With a terminal status.
        Refused = "refused",
        /// With a status after which the client tries again, or without an answer.
        Failed = "failed",
    }
}

labels! {
    /// Why a request was not answered as requested.
    Reason {
        /// 401.
        WrongToken = "wrong_token",
        /// 400: the message names another key.
        OtherPublicKey = "other_public_key",
        /// 400: this kind is not allowed.
        MissingCapability = "missing_capability",
        /// 400: a rule for blocks.
        PolicyNetworks = "policy_networks",
        /// 400: a rule for blocks.
        PolicyBlockTypes = "policy_block_types",
        /// 400: a rule for blocks.
        PolicyMaxAmountPerSend = "policy_max_amount_per_send",
        /// 400: a rule for blocks.
        PolicyAllowedReceivers = "policy_allowed_receivers",
        /// 400: a rule for blocks.
        PolicyRepresentative = "policy_representative",
        /// 400: a rule for votes.
        PolicyVoteTimeWindow = "policy_vote_time_window",
        /// 400: a rule for challenges.
        PolicyChallengeUriPrefix = "policy_challenge_uri_prefix",
        /// 400: the body is invalid for the path.
        Invalid = "invalid",
        /// 404.
        NotFound = "not_found",
        /// 405.
        MethodNotAllowed = "method_not_allowed",
        /// 406.
        NotAcceptable = "not_acceptable",
        /// 413.
        TooLarge = "too_large",
        /// 415.
        UnsupportedMediaType = "unsupported_media_type",
        /// 408, or the connection ended inside the body.
        Incomplete = "incomplete",
        /// No answer: the client closed the connection while its request was handled.
        ClientGone = "client_gone",
        /// 429 `BACKEND_UNAVAILABLE`.
        BackendUnavailable = "backend_unavailable",
        /// 429 DEADLINE.
        Deadline = "deadline",
        /// 429 OVERLOADED.
        Overloaded = "overloaded",
        /// 429 DRAINING.
        Draining = "draining",
        /// 429 INTERNAL.
        Internal = "internal",
    }
}
