public import Foundations

/// What an operator decided about the admin page (docs/decisions/0042).
public struct AdminSettings: Sendable, Equatable {
    /// A key of the admin page; it opens nothing else, and no other key opens the page.
    public struct Key: Sendable, Equatable {
        /// Whose it is, for the audit log.
        public var name: String
        /// The secret.
        public var secret: String

        public init(name: String, secret: String) {
            (self.name, self.secret) = (name, secret)
        }

        /// The name of keys that were given none.
        public static let standardName = "admin"
    }

    /// A key of the configuration with the value that counts.
    public struct Entry: Sendable, Equatable {
        /// Its name.
        public var name: String
        /// The value; `nil` where there is none, and for a secret.
        public var value: String?
        /// Where the value is from: `default`, or where it was said.
        public var source: String
        /// Whether the value is never shown.
        public var isSecret: Bool
        /// Whether something was said.
        public var isSet: Bool
        /// What it does.
        public var effect: String

        public init(name: String, value: String?, source: String, isSecret: Bool, isSet: Bool, effect: String) {
            (self.name, self.value, self.source) = (name, value, source)
            (self.isSecret, self.isSet, self.effect) = (isSecret, isSet, effect)
        }
    }

    /// The keys, of which a log-in has to show one.
    public var keys: [Key] = []
    /// The origin under which a proxy shows the page; `nil` for loopback names alone.
    public var origin: String?
    /// Whether the page may change anything.
    public var isWritable = false
    /// The whole configuration, as the page shows it.
    public var configuration: [Entry] = []
    /// What the operator should know although the core has started.
    public var warnings: [String] = []

    /// A page that opens for no one, because it has no keys.
    public init() {}

    /// The key that a text is; every key is compared, in time that does not depend on them.
    func key(_ presented: String) -> Key? {
        keys.reduce(nil as Key?) { found, key in
            ConstantTime.equals(key.secret, presented) ? found ?? key : found
        }
    }

    /// The authority of ``origin``, as a `Host` field has it.
    var authority: String? {
        origin.flatMap { origin in
            origin.firstRange(of: "://").map { origin[$0.upperBound...].lowercased() }
        }
    }
}

extension AdminSettings: Redacted {
    /// The name alone: the keys are secrets.
    public var description: String { "AdminSettings" }
}

extension AdminSettings.Key: Redacted {
    /// The name alone.
    public var description: String { "Key(\(name))" }
}
