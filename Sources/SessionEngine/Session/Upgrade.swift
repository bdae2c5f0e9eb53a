import Foundations
import LosslessJSON

/// Deciding an upgrade: the user of an anonymous session has signed in (docs/decisions/0044).
///
/// A new session with another handle takes the old one's place in one step, and nothing of the old one is good any more. The handle
/// is derived from the old one, so a session can be upgraded once, and every token of it finds what became of it: a lost reply,
/// a double click and a refresh that was under way are no reason to sign the user out.
public struct Upgrade: Sendable {
    /// The session of the user, as a sign-in would begin it; its tenant is that of the anonymous one.
    public var session: NewSession
    /// Whether the data of the anonymous session is kept: each member that the new session has none of that name for.
    public var keepsData: Bool

    /// Creates an upgrade.
    ///
    /// - Parameters:
    ///   - session: the session of the user, as a sign-in would begin it.
    ///   - keepsData: whether the data of the anonymous session is kept.
    public init(to session: NewSession, keepsData: Bool = true) {
        self.session = session
        self.keepsData = keepsData
    }

    /// What to do.
    package enum Outcome: Sendable, Equatable {
        /// The first session takes the place of the second, which is as it was read.
        case replace(by: SessionRecord, SessionRecord)
        /// The token is answered as in a refresh.
        case refused(Refresh.Outcome)
        /// A user has signed in already.
        case notAnonymous
        /// The authentication is longer ago than the session would live.
        case authenticatedTooLongAgo
    }

    /// Decides what becomes of the anonymous session.
    ///
    /// - Parameters:
    ///   - presented: the opened refresh token.
    ///   - record: the session that the token names, as storage has it at this step.
    ///   - now: the time.
    ///   - rules: the caller's rules.
    ///   - handle: the handle of the new session.
    ///   - first: the hash of its first refresh token.
    package func decide(
        of presented: Refresh.Presented, against record: SessionRecord?, at now: Timestamp, rules: Refresh.Rules,
        handle: SessionHandle, first: TokenHash
    ) -> Decision<Outcome> {
        if let refusal = Refresh.refusal(of: presented, against: record, at: now, rules: rules) {
            return Decision(refusal.change, .refused(refusal.outcome), audit: refusal.audit)
        }
        guard let record else { return Decision(.keep, .refused(.sessionNotActive)) }
        if rules.proof == .invalid { return Decision(.keep, .refused(.proofRefused(.noProof))) }
        guard record.traits.flags.contains(.anonymous) else { return Decision(.keep, .notAnonymous) }
        let next = successor(of: record, at: now, rules: rules, handle: handle, first: first)
        guard next.expiresAt - now >= .seconds(1) else { return Decision(.keep, .authenticatedTooLongAgo) }
        return Decision(.keep, .replace(by: next, record))
    }

    private func successor(
        of record: SessionRecord, at now: Timestamp, rules: Refresh.Rules, handle: SessionHandle, first: TokenHash
    ) -> SessionRecord {
        var traits = session.traits(at: now, keeping: rules.privacy)
        // The user signs in: what the client proves counts, and not what the anonymous session was bound to.
        traits.boundKey = rules.proof.offered.map(BoundKey.thumbprint)
        traits.device = (record.traits.device ?? SessionDevice()).updated(by: rules.client, keeping: rules.privacy)
        var next = SessionRecord(
            handle: handle, tenantID: record.tenantID, userID: session.userID, currentTokenHash: first.stored,
            sessionData: JSONObjectText(data(of: record)),
            accessTokenPayload: JSONObjectText(session.accessTokenPayload), createdAt: now, expiresAt: now,
            signingKeyKind: record.signingKeyKind,
            rotationCount: RotationCount(restoreNumber: rules.restoreNumber), traits: traits)
        next.expiresAt = next.end(ifActiveAt: now, within: rules.terms)
        return next
    }

    /// Data that cannot be read is not carried.
    private func data(of record: SessionRecord) -> JSONObject {
        guard keepsData, let old = try? record.sessionData.decoded() else { return session.sessionData }
        // Of two members of one name the later one stays.
        return JSONObject(old.members + session.sessionData.members)
    }

    /// Decides what is answered where the anonymous session is no longer there: the same upgrade gets the same answer for a while.
    ///
    /// - Parameters:
    ///   - record: the session that has the handle of the new one.
    ///   - now: the time.
    ///   - rules: the caller's rules.
    ///   - first: the hash of the first refresh token that this upgrade would give.
    package func repeated(
        _ record: SessionRecord?, at now: Timestamp, rules: Refresh.Rules, first: TokenHash
    ) -> Decision<Refresh.Outcome> {
        guard let record, record.isRecentUpgrade(at: now, rules: rules) else {
            return Decision(.keep, .sessionNotActive)
        }
        let refusal = record.refusal(of: rules.proof, rules.device, at: now)
        if let refusal, !record.isOnlyReported(by: rules) {
            return Decision(.keep, .proofRefused(refusal), audit: .bindingRefused(record, refusal, at: now))
        }
        let isSame =
            record.userID == session.userID && record.currentTokenHash == first.stored
            && record.traits.level == session.level && record.traits.methods == session.methods
        let answer = Decision<Refresh.Outcome>(.keep, isSame ? .issue(record, .fresh, .whole) : .tooLate)
        return refusal.map { answer.reporting($0, record, at: now) } ?? answer
    }
}

extension SessionRecord {
    /// Whether an anonymous session was upgraded to this one so short a time ago that its tokens may still be on their way.
    package func isRecentUpgrade(at now: Timestamp, rules: Refresh.Rules) -> Bool {
        isRecentUpgrade(at: now, window: rules.sharingWindow, within: rules.terms)
    }

    /// The same.
    package func isRecentUpgrade(at now: Timestamp, window: Milliseconds, within terms: SessionTerms) -> Bool {
        !isExpired(at: now, within: terms) && now - createdAt <= window
    }
}
