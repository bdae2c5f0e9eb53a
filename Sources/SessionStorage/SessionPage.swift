public import SessionEngine

/// Which of a user's living sessions are listed.
public struct SessionPage: Sendable, Equatable {
    /// A place in the order of a user's sessions.
    public struct Position: Sendable, Hashable {
        /// When the session there was created.
        public var createdAt: Timestamp
        /// The session there; among those of one time the names decide.
        public var handle: SessionHandle

        public init(createdAt: Timestamp, handle: SessionHandle) {
            self.createdAt = createdAt
            self.handle = handle
        }

        /// The place of a session.
        public init(_ record: SessionRecord) {
            self.init(createdAt: record.createdAt, handle: record.handle)
        }

        /// Whether it comes before another: it is older, or of the same time and lower by its name.
        package func precedes(_ other: Position) -> Bool {
            (createdAt, handle.rawValue) < (other.createdAt, other.handle.rawValue)
        }
    }

    /// Whose.
    public var user: UserID
    /// Only the sessions of that tenant; `nil` for those of all.
    public var tenant: TenantID?
    /// When they live.
    public var time: Timestamp
    /// How long sessions live.
    public var terms: SessionTerms
    /// Only the sessions before that place, which are older; `nil` for the first page.
    public var before: Position?
    /// How many at most; nothing is found for 0 or less.
    public var limit: Int

    /// Creates a page.
    ///
    /// - Parameters:
    ///   - user: whose.
    ///   - tenant: only the sessions of that tenant; `nil` for those of all.
    ///   - now: when they live.
    ///   - terms: how long sessions live.
    ///   - before: the last place of the page before.
    ///   - limit: how many at most.
    public init(
        of user: UserID, tenant: TenantID? = nil, liveAt now: Timestamp, within terms: SessionTerms,
        before: Position? = nil, limit: Int
    ) {
        self.user = user
        self.tenant = tenant
        time = now
        self.terms = terms
        self.before = before
        self.limit = limit
    }
}
