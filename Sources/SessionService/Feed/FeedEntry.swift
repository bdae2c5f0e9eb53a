package import Foundations
package import SessionEngine
import SessionStorage

/// An end as verifiers are informed of it.
package struct FeedEntry: Sendable, Equatable {
    /// What has ended.
    package enum Subject: Sendable, Hashable {
        /// A session.
        case session(SubjectDigest)
        /// All sessions of a user, in one tenant or in all, that were created up to ``FeedEntry/time``.
        case user(SubjectDigest, tenant: SubjectDigest?)
        /// A signing key.
        case key(KeyID)
    }

    /// Its number in storage.
    let sequence: Int64
    /// What has ended.
    package let subject: Subject
    /// When it ended.
    package let time: Timestamp
    /// Until when a token of it could be accepted; `nil` for a key, which is never used again.
    package let until: Timestamp?
    /// When it was noted.
    private let notedAt: Timestamp

    /// For how long an entry stays beyond the longest life of an access token: the clocks of verifiers may be wrong by that much.
    static let margin = Milliseconds.seconds(60)

    init(_ record: RevocationRecord, life: Milliseconds) {
        (sequence, time, notedAt) = (record.sequence, record.time, record.notedAt)
        let end = record.notedAt + life + Self.margin
        switch record.subject {
        case .session(let handle): (subject, until) = (.session(SubjectDigest(of: handle.rawValue)), end)
        case .user(let user, let tenant):
            (subject, until) = (.user(SubjectDigest(of: user.rawValue), tenant: Self.digest(tenant)), end)
        case .erasedUser(let digest, let tenant):
            // A text that is no digest was not written by this program, and ends no one's sessions.
            let user = SubjectDigest(hex: digest) ?? SubjectDigest(of: digest)
            (subject, until) = (.user(user, tenant: Self.digest(tenant)), end)
        case .key(let key): (subject, until) = (.key(key), nil)
        }
    }

    private static func digest(_ tenant: TenantID?) -> SubjectDigest? { tenant.map { SubjectDigest(of: $0.rawValue) } }

    /// Whether it need not be kept among the new ones: it matters to no token, or is a key of the day before.
    func isOld(at now: Timestamp) -> Bool { (until ?? notedAt + .seconds(86_400)) <= now }
}
