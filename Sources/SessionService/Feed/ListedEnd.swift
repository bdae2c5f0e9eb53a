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
    /// When it was noted.
    private let notedAt: Timestamp

    /// For how long an entry stays beyond the longest life of an access token: the clocks of verifiers may be wrong by that
    /// much.
    static let margin = Milliseconds.seconds(60)

    init(_ record: RevocationRecord, life: Milliseconds) {
        (sequence, notedAt) = (record.sequence, record.notedAt)
        // A row may say anything; entries do not begin before 1970.
        let (time, until) = (max(record.time, .zero), max(record.notedAt + life + Self.margin, .zero))
        switch record.subject {
        case .session(let handle):
            entry = .session(RevocationDigest(of: handle.rawValue), at: time, until: until)
        case .user(let user, let tenant):
            entry = .user(RevocationDigest(of: user.rawValue), tenant: Self.digest(tenant), at: time, until: until)
        case .erasedUser(let digest, let tenant):
            // A text that is no digest was not written by this program, and ends no one's sessions.
            let user = Hex.decode(digest).flatMap { RevocationDigest(bytes: $0) } ?? RevocationDigest(of: digest)
            entry = .user(user, tenant: Self.digest(tenant), at: time, until: until)
        case .key(let key): entry = .key(key.rawValue, at: time)
        }
    }

    private static func digest(_ tenant: TenantID?) -> RevocationDigest? {
        tenant.map { RevocationDigest(of: $0.rawValue) }
    }

    /// Whether it is a signing key.
    var isKey: Bool { entry.until == nil }

    /// Whether it need not be kept among the news: it matters to no token, or is a key of the day before.
    func isOld(at now: Timestamp) -> Bool { (entry.until ?? notedAt + .seconds(86_400)) <= now }
}

extension Timestamp {
    fileprivate static let zero = Timestamp(milliseconds: 0)
}
