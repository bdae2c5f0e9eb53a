public import Foundations
public import SessionEngine
public import SessionStorage

/// What a dump holds and what the import will do with it: the result of the dry run.
///
/// It holds secrets and prints none of them.
public struct ImportPlan: Sendable, Redacted {
    /// One app of the dump.
    public struct App: Sendable, Redacted {
        /// Its name.
        public let id: AppID
        /// Its tenants, `public` first.
        public internal(set) var tenants: [Tenant]
        /// The secret that encrypts its refresh tokens.
        public internal(set) var refreshTokenKey: RefreshTokenKey?
        /// Its signing keys of both kinds.
        public internal(set) var signingKeys: [SigningKeyRecord] = []
        /// How many of its sessions are imported.
        public internal(set) var sessions = 0

        /// The name.
        public var description: String { "App(\(id.rawValue))" }
    }

    /// One tenant of an app.
    public struct Tenant: Sendable, Equatable {
        /// Its name.
        public let id: TenantID
        /// The time when it was made; `nil` if the dump does not contain it.
        public internal(set) var createdAt: Timestamp?
        /// Its own configuration as JSON, `core_config`, if there is any.
        public internal(set) var configuration: String?

        /// A tenant of which only the name is known.
        public init(id: TenantID, createdAt: Timestamp? = nil, configuration: String? = nil) {
            self.id = id
            self.createdAt = createdAt
            self.configuration = configuration
        }
    }

    /// The apps, `public` first.
    public internal(set) var apps: [App] = []
    /// How many rows `session_info` has.
    public internal(set) var sessionRows = 0
    /// The number of sessions that had expired and were skipped.
    public internal(set) var expired = 0
    /// What cannot be imported: how often for each reason, and the first line of the dump.
    public internal(set) var refused = RefusalTally()
    /// What an operator should know.
    public internal(set) var warnings: [String] = []
    /// The tables that are not imported and how many rows they have.
    public internal(set) var otherTables: [(name: String, rows: Int)] = []
    /// The fingerprint of this dump and of how it is read.
    public internal(set) var fingerprint = ""

    /// How many sessions will be imported.
    public var sessions: Int { apps.reduce(0) { $0 + $1.sessions } }

    /// The numbers.
    public var description: String { "ImportPlan(\(apps.count) apps, \(sessions) sessions)" }
}

/// Counts what was skipped, by reason.
public struct RefusalTally: Sendable, Equatable {
    /// One reason.
    public struct Entry: Sendable, Equatable {
        /// How often.
        public var count: Int
        /// A line of the dump where it happened first.
        public let firstLine: Int
    }

    /// By reason.
    public private(set) var entries: [Refusal: Entry] = [:]

    /// How many in all.
    public var count: Int { entries.values.reduce(0) { $0 + $1.count } }

    /// Both tallies of one dump as one: of a reason that both have, the larger count.
    ///
    /// A plan and a report count the same sessions; only a plan counts keys and only a report taken handles.
    public func merging(_ other: RefusalTally) -> RefusalTally {
        var merged = self
        merged.entries.merge(other.entries) { $0.count < $1.count ? $1 : $0 }
        return merged
    }

    mutating func add(_ refusal: Refusal, line: Int) {
        entries[refusal, default: Entry(count: 0, firstLine: line)].count += 1
    }
}

/// How a dump is to be read.
public struct ImportOptions: Sendable, Equatable {
    /// The tables.
    public var tables: TableSelection
    /// Whether the old core ran with `access_token_signing_key_dynamic: false`.
    ///
    /// It matters for dumps from before core 5.0 only, which do not contain it.
    public var keepsSigningKey: Bool

    public init(tables: TableSelection = TableSelection(), keepsSigningKey: Bool = false) {
        self.tables = tables
        self.keepsSigningKey = keepsSigningKey
    }
}
