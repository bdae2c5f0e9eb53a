package import Foundations
package import LosslessJSON
package import SessionEngine

/// The public keys of a core, and until when they are good for use.
package struct KeySet: Sendable {
    /// What verifies.
    package let verification: VerificationKeys
    /// The same as it was published.
    package let published: JSONValue
    /// When it was asked for.
    package let fetchedAt: Timestamp
    /// For how long it counts as current.
    package let life: Milliseconds
    /// Later sets have greater numbers.
    package internal(set) var number = 0

    /// The longest answer that is read, in bytes.
    package static let sizeLimit = 64 * 1_024
    private static let countLimit = 64

    /// Reads what a core publishes (RFC 7517 section 5).
    ///
    /// - Parameters:
    ///   - body: the answer.
    ///   - maxAgeSeconds: for how long it may be kept, where it says so.
    ///   - longest: for how long it is kept at most.
    ///   - start: when it was asked for.
    /// - Returns: `nil` for what is no set of keys.
    package init?(parsing body: [UInt8], maxAgeSeconds: Int64?, longest: Milliseconds, fetchedAt start: Timestamp) {
        guard let published = try? JSONValue(parsing: body).object?["keys"], let list = published.array,
            list.count <= Self.countLimit
        else { return nil }
        let found = list.compactMap(\.object).compactMap(VerificationKey.init(jwk:))
        guard !found.isEmpty else { return nil }
        let life = maxAgeSeconds.map { min(longest, .seconds($0)) } ?? longest
        self.init(verification: VerificationKeys(found), published: published, fetchedAt: start, life: life)
    }

    private init(
        verification: VerificationKeys, published: JSONValue, fetchedAt: Timestamp, life: Milliseconds, number: Int = 0
    ) {
        (self.verification, self.published) = (verification, published)
        (self.fetchedAt, self.life, self.number) = (fetchedAt, life, number)
    }

    /// The set without keys that are trusted no more.
    func without(_ killed: Set<KeyID>) -> KeySet {
        guard !killed.isEmpty else { return self }
        let published = self.published.array?.filter { jwk in
            !(jwk.object?["kid"]?.string.flatMap(KeyID.init).map(killed.contains) ?? false)
        }
        return KeySet(
            verification: VerificationKeys(verification.all.filter { !killed.contains($0.id) }),
            published: published.map(JSONValue.array) ?? self.published, fetchedAt: fetchedAt, life: life,
            number: number)
    }
}

/// There are no keys, or none that are new enough: nothing is known about a token.
package struct KeySetUnavailable: Error, Sendable, Equatable {
    /// Why, for the operator's log.
    package var reason: String
    /// For how many seconds a core asks to be left alone, if one does.
    package var retryAfterSeconds: Int64?

    package init(_ reason: String, retryAfterSeconds: Int64? = nil) {
        (self.reason, self.retryAfterSeconds) = (reason, retryAfterSeconds)
    }
}
