import Foundations
import RevocationFeed
import SessionEngine
import SessionStorage

/// An end as it is in the list of a core.
struct ListedEnd: Sendable {
    /// Its number in storage.
    let sequence: Int64
    /// What verifiers read.
    let entry: FeedEntry
    /// When it need not be kept among the news: it matters to no token, or is a key of the day before.
    private let oldAt: MonotonicTime

    /// For how long an entry stays beyond the longest life of an access token: the clocks of verifiers may be wrong by that
    /// much.
    static let margin = Milliseconds.seconds(60)

    /// Takes what was noted.
    ///
    /// - Parameters:
    ///   - record: what was noted.
    ///   - life: the longest life of an access token.
    ///   - time: when it was read, by the clock that noted it.
    ///   - now: the same moment by the steady clock of this process, whose other clock counts for nothing here.
    init(_ record: RevocationRecord, life: Milliseconds, readAt time: Timestamp, _ now: MonotonicTime) {
        sequence = record.sequence
        let isKey = if case .key = record.subject { true } else { false }
        let rest = record.notedAt + (isKey ? .seconds(86_400) : life + Self.margin) - time
        oldAt = now + .milliseconds(rest.count)
        // A row may say anything; entries do not begin before 1970.
        let (begin, until) = (max(record.time, .zero), max(record.notedAt + life + Self.margin, .zero))
        switch record.subject {
        case .session(let handle):
            entry = .session(RevocationDigest(of: handle.rawValue), at: begin, until: until)
        case .user(let user, let tenant):
            entry = .user(RevocationDigest(of: user.rawValue), tenant: Self.digest(tenant), at: begin, until: until)
        case .erasedUser(let digest, let tenant):
            // A text that is no digest was not written by this program, and ends no one's sessions.
            let user = Hex.decode(digest).flatMap { RevocationDigest(bytes: $0) } ?? RevocationDigest(of: digest)
            entry = .user(user, tenant: Self.digest(tenant), at: begin, until: until)
        case .key(let key): entry = .key(key.rawValue, at: begin)
        }
    }

    private static func digest(_ tenant: TenantID?) -> RevocationDigest? {
        tenant.map { RevocationDigest(of: $0.rawValue) }
    }

    /// Whether it is a signing key.
    var isKey: Bool { entry.until == nil }

    func isOld(at now: MonotonicTime) -> Bool { oldAt <= now }
}

extension Timestamp {
    fileprivate static let zero = Timestamp(milliseconds: 0)
}
