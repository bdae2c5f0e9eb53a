public import SessionEngine

/// Which apps and tenants there are, and what was decided about them.
///
/// The app `public` and its tenant `public` always exist. Any other app exists with its own tenant `public` and ends with
/// everything that is in it.
///
/// Every requirement is one atomic step, as in ``SessionStorage``. Run `StorageConformance.directoryChecks` (in
/// `SessionStorageTesting`) over every implementation.
public protocol AppDirectory: Sendable {
    /// All apps, oldest first.
    func apps() async throws(StorageError) -> [AppRecord]

    /// The names of all apps, and nothing else of them.
    func names() async throws(StorageError) -> Set<AppID>

    /// The app of that name, or `nil`. Sees every write acknowledged before the call.
    func app(_ id: AppID) async throws(StorageError) -> AppRecord?

    /// Reads an app, decides about one of its tenants and applies the decision, all in one step that no other write can
    /// split.
    ///
    /// - Parameters:
    ///   - app: the app; one that does not exist is decided upon as `nil` and made by storing its tenant `public`.
    ///   - decide: pure and quick; it may be called more than once, and only its last answer counts. Storing another
    ///     tenant of an app that does not exist changes nothing; neither does a new creation time of an old tenant.
    /// - Returns: the outcome of the decision that was applied.
    func updateTenant<Outcome: Sendable>(
        of app: AppID, _ decide: @escaping @Sendable (AppRecord?) -> TenantDecision<Outcome>
    ) async throws(StorageError) -> Outcome

    /// Ends a tenant with its sessions.
    ///
    /// - Parameters:
    ///   - tenant: the tenant.
    ///   - app: its app.
    ///   - revocation: the audit event of each session; `nil` where none is kept.
    /// - Returns: whether there was one; never for the tenant `public`, which stays.
    func removeTenant(
        _ tenant: TenantID, of app: AppID, audit revocation: Revocation?
    ) async throws(StorageError) -> Bool

    /// Ends an app with its tenants, sessions, keys, values and audit log.
    ///
    /// - Returns: whether there was one; never for the app `public`, which stays.
    func removeApp(_ app: AppID) async throws(StorageError) -> Bool

    /// The names of the signing keys that are stored of some apps, to see at little cost whether they have changed.
    ///
    /// - Parameter apps: of which.
    /// - Returns: the names of each app that has any.
    func signingKeyIDs(of apps: [AppID]) async throws(StorageError) -> [AppID: Set<String>]

    /// The storage of an app's sessions and keys.
    ///
    /// It takes nothing new for an app or a tenant that does not exist, or no longer:
    /// ``StorageError/Code/noSuchTenant``.
    func storage(of app: AppID) -> any SessionStorage
}

extension AppDirectory {
    /// The names of ``apps()``.
    public func names() async throws(StorageError) -> Set<AppID> { Set(try await apps().map(\.id)) }

    /// Ends a tenant with its sessions without an audit event.
    public func removeTenant(_ tenant: TenantID, of app: AppID) async throws(StorageError) -> Bool {
        try await removeTenant(tenant, of: app, audit: nil)
    }
}

/// A tenant as storage remembers it.
public struct TenantRecord: Sendable, Equatable {
    /// Its name.
    public var id: TenantID
    /// When it was made.
    public var createdAt: Timestamp
    /// What was decided about it, as the text of a JSON object; storage does not look inside.
    public var settings: String

    public init(id: TenantID, createdAt: Timestamp, settings: String = "{}") {
        self.id = id
        self.createdAt = createdAt
        self.settings = settings
    }
}

/// An app as storage remembers it: its tenants, `public` first and then the oldest first.
public struct AppRecord: Sendable, Equatable {
    /// Its name.
    public var id: AppID
    /// Its tenants in order; what was decided about `public` is what was decided about the app.
    public var tenants: [TenantRecord]

    public init(id: AppID, tenants: [TenantRecord]) {
        self.id = id
        self.tenants = tenants.sorted { $0.rank < $1.rank }
    }

    /// The tenant of that name.
    public func tenant(_ id: TenantID) -> TenantRecord? { tenants.first { $0.id == id } }

    /// When it was made.
    public var createdAt: Timestamp { tenant(.public)?.createdAt ?? Timestamp(milliseconds: 0) }

    /// Creates a value from tenants into apps, oldest first.
    public static func collect(_ tenants: [(app: AppID, tenant: TenantRecord)]) -> [AppRecord] {
        Dictionary(grouping: tenants, by: \.app)
            .map { AppRecord(id: $0, tenants: $1.map(\.tenant)) }
            .sorted { $0.rank < $1.rank }
    }

    private var rank: (Int, Timestamp, String) { (id == .public ? 0 : 1, createdAt, id.rawValue) }
}

extension TenantRecord {
    fileprivate var rank: (Int, Timestamp, String) { (id == .public ? 0 : 1, createdAt, id.rawValue) }
}

/// A decision about one tenant.
public struct TenantDecision<Outcome: Sendable>: Sendable {
    /// The tenant to store; `nil` changes nothing.
    public var stored: TenantRecord?
    /// What the caller does.
    public var outcome: Outcome

    /// Pairs both.
    public init(storing stored: TenantRecord?, _ outcome: Outcome) {
        self.stored = stored
        self.outcome = outcome
    }
}
