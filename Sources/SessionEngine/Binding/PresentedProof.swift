import Crypto
public import Foundations

/// A proof of possession as a client sent it, with what its request asked for (RFC 9449 section 4.3).
public struct PresentedProof: Sendable, Hashable, Redacted {
    /// The field `DPoP` of the request, whatever it holds.
    public var text: String
    /// The method of the request and its URL by the configured origin, with a space between.
    public var target: String

    /// Creates a value.
    ///
    /// - Parameters:
    ///   - text: the field `DPoP` of the request.
    ///   - target: the method of the request and its URL, such as `POST https://api.example.com/auth/session/refresh`.
    public init(_ text: String, for target: String) {
        self.text = text
        self.target = target
    }

    /// How far behind the clock of a client may be where it sends no nonce.
    package static let behind = Milliseconds.seconds(60)
    /// How far ahead.
    package static let ahead = Milliseconds.seconds(5)

    /// What the proof shows.
    ///
    /// - Parameters:
    ///   - now: the time.
    ///   - nonceKey: the secret that nonces are made with.
    package func judged(at now: Timestamp, nonceKey: [UInt8]) -> ProofJudgement {
        guard let proof = proofForTarget else { return .invalid }
        guard let nonce = proof.nonce else { return Self.judged(proof, at: now) }
        return ProofNonce.time(of: nonce, at: now, key: nonceKey).map { .good(proof.key, since: $0) }
            ?? .late(proof.key)
    }

    /// What the proof shows beside an access token, which it has to be made for (RFC 9449 section 7).
    ///
    /// A nonce of another process counts for nothing, and the time of the proof does.
    ///
    /// - Parameters:
    ///   - accessToken: the token of the request.
    ///   - now: the time.
    ///   - nonceKey: the secret that nonces are made with.
    /// - Returns: what it shows, and what names this proof and no other in 16 bytes; `nil` where there is no proof for this token.
    package func judged(
        beside accessToken: String, at now: Timestamp, nonceKey: [UInt8]
    ) -> (ProofJudgement, name: [UInt8])? {
        guard let proof = proofForTarget,
            proof.accessTokenHash == DPoPProof.hash(ofAccessToken: accessToken)
        else { return nil }
        let time = proof.nonce.flatMap { ProofNonce.time(of: $0, at: now, key: nonceKey) }
        let judgement = time.map { .good(proof.key, since: $0) } ?? Self.judged(proof, at: now)
        let name = Array("\(proof.key.rawValue) \(proof.identifier)".utf8)
        return (judgement, Array(SHA256.hash(data: name).prefix(16)))
    }

    /// The proof, if it is one for what its request asked for.
    private var proofForTarget: DPoPProof? {
        guard let proof = DPoPProof(text), let target = ProofTarget(target), proof.target == target else { return nil }
        return proof
    }

    private static func judged(_ proof: DPoPProof, at now: Timestamp) -> ProofJudgement {
        let age = now - proof.issuedAt
        let isPrompt = age <= behind && age >= Milliseconds(0) - ahead
        return isPrompt ? .good(proof.key, since: proof.issuedAt) : .late(proof.key)
    }
}

/// What a request shows about the key of its client.
public enum ProofJudgement: Sendable, Hashable {
    /// It came with no proof.
    case absent
    /// The key made a proof for such a request a moment ago, and not before this time.
    case good(KeyThumbprint, since: Timestamp)
    /// The key made a proof for such a request; when is not known.
    case late(KeyThumbprint)
    /// What came is no proof for this request.
    case invalid

    /// The key that a session is bound to where its user was just authenticated.
    ///
    /// The time does not matter there: a proof grants nothing, the authentication does.
    package var offered: KeyThumbprint? {
        switch self {
        case .good(let key, _), .late(let key): key
        case .absent, .invalid: nil
        }
    }
}

/// Why a bound session gives nothing (docs/decisions/0045); it lives in each case.
public enum ProofRefusal: String, Sendable, Hashable, CaseIterable {
    /// Another key made the proof: this client never gets anything.
    case otherKey = "other_key"
    /// The proof may be an old one: the client may make another, with a nonce.
    case needsNonce = "nonce"
    /// There is no proof for this request.
    case noProof = "proof"
    /// The bound cookie of the session's device is missing.
    case noCookie = "cookie"
    /// There is no good one, and the browser says that it did not renew it now: it may try again later.
    case skipped
    /// The browser has another one soon: the session was bound a moment ago, or the cookie of another session, or of a clock that was
    /// ahead, is still kept.
    case notYet = "not_yet"
    /// A bound cookie is too old and still kept: by a browser whose clock was set back, between nodes whose clocks differ, or by who
    /// has copied it. Once it is removed a browser with the key has another one.
    case old
}

extension SessionRecord {
    /// Why the session gives nothing where it is bound to a key; `nil` where it may.
    ///
    /// - Parameters:
    ///   - proof: what the request shows of a key of its client.
    ///   - device: what it shows of the device of its browser.
    ///   - now: the time.
    func refusal(of proof: ProofJudgement, _ device: DeviceEvidence, at now: Timestamp) -> ProofRefusal? {
        switch traits.boundKey {
        case nil: nil
        case .thumbprint(let key)?: refusal(of: proof, by: key, at: now)
        case .device?: device.refusal(of: self, at: now)
        }
    }

    private func refusal(of proof: ProofJudgement, by boundKey: KeyThumbprint, at now: Timestamp) -> ProofRefusal? {
        switch proof {
        case .absent, .invalid: .noProof
        case .good(let key, let time):
            if key != boundKey { .otherKey } else { wasAnswered(since: time, at: now) ? .needsNonce : nil }
        case .late(let key): key == boundKey ? .needsNonce : .otherKey
        }
    }

    /// Whether an exchange was answered after a proof was made: then it may be that one's, sent again by another client.
    private func wasAnswered(since time: Timestamp, at now: Timestamp) -> Bool {
        guard let last = sharing?.window?.openedAt ?? rotatedAt else { return false }
        // After a clock was set back no proof would be newer.
        return time < last && last <= now
    }
}
