#if PostgreSQL
    /// What an examination found, with what to do about it.
    public struct Finding: Sendable, Equatable {
        /// How bad it is.
        public enum Grade: String, Sendable {
            /// As it should be.
            case good = "ok"
            /// It works, and something could be better.
            case advice
            /// It does not work, or can lose what was acknowledged.
            case bad = "BAD"
        }

        /// How bad it is.
        public let grade: Grade
        /// What was found.
        public let text: String
        /// What to do; `nil` where nothing is to be done.
        public let remedy: String?
    }
#endif
