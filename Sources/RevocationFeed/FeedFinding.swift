package import Foundations

/// What an access token with a good signature says that the feed may know something about.
package struct FeedSubject: Sendable, Equatable {
    /// The name of the key that signed it; `nil` for tokens that name none.
    package var keyID: String?
    /// The session's handle; `nil` for the application's own tokens, which no session's end concerns.
    package var session: String?
    /// The user, and the user of the login method where that is another.
    package var users: [String]
    /// The tenant.
    package var tenant: String
    /// When the token was made, in whole seconds of another machine's clock.
    package var issuedAt: Timestamp

    package init(keyID: String?, session: String?, users: [String], tenant: String, issuedAt: Timestamp) {
        self.keyID = keyID
        self.session = session
        self.users = users
        self.tenant = tenant
        self.issuedAt = issuedAt
    }
}

/// What the set says about a token.
package enum FeedFinding: Sendable, Equatable {
    /// Its key is trusted no more.
    case killedKey
    /// Its session ended.
    case ended
    /// It was made before its user's sessions ended.
    case cutOff
    /// It was made about when they ended: only the core knows which was first. The core's answer holds until then.
    case unsure(cutOff: Timestamp, until: Timestamp)
    /// Nothing.
    case nothing

    /// How far `iat` and a cut-off may be apart before the order of the two is certain: 5 s for a refresh under way, the
    /// clocks of two machines, and whole seconds (docs/feed.md).
    package static let band = Milliseconds(10_000)
}

extension RevocationSet {
    /// Looks a token up; the clock has no part in it.
    package func finding(of subject: FeedSubject) -> FeedFinding {
        if let key = subject.keyID, hasKilled(key) { return .killedKey }
        guard let session = subject.session else { return .nothing }
        if hasEnded(RevocationDigest(of: session)) { return .ended }
        guard hasCutOffs else { return .nothing }
        let tenant = RevocationDigest(of: subject.tenant)
        var finding = FeedFinding.nothing
        for user in subject.users {
            guard let found = cutOff(of: RevocationDigest(of: user), tenant: tenant) else { continue }
            let time = Timestamp(milliseconds: found.time)
            if subject.issuedAt < time + (Milliseconds(0) - FeedFinding.band) { return .cutOff }
            if subject.issuedAt > time + FeedFinding.band { continue }
            if case .unsure(let other, _) = finding, other >= time { continue }
            finding = .unsure(cutOff: time, until: Timestamp(milliseconds: found.until))
        }
        return finding
    }
}
