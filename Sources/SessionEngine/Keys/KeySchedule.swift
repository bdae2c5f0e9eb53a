/// When dynamic keys are replaced, and for how long a replaced one still verifies (docs/specification/core.md 5.2).
public struct KeySchedule: Sendable, Equatable {
    /// How long a dynamic key signs.
    public var updateInterval: Milliseconds
    /// How long an access token lives.
    public var accessTokenValidity: Milliseconds
    /// How long a key is published before its first use, so that verifiers with a cached key set know it in time.
    public var publicationOverlap: Milliseconds

    public init(
        updateInterval: Milliseconds,
        accessTokenValidity: Milliseconds,
        publicationOverlap: Milliseconds = .seconds(60)
    ) {
        self.updateInterval = updateInterval
        self.accessTokenValidity = accessTokenValidity
        self.publicationOverlap = publicationOverlap
    }

    /// When a key of that age stops verifying: after its interval and twice the life of a token.
    public func retirement(ofKeyMadeAt createdAt: Timestamp) -> Timestamp {
        createdAt + updateInterval + accessTokenValidity + accessTokenValidity
    }

    /// When a key's signing period ends.
    public func signingEnd(ofKeyMadeAt createdAt: Timestamp) -> Timestamp { createdAt + updateInterval }

    /// When the successor of a key has to exist: one overlap before the key's signing period ends.
    public func successorDue(ofKeyMadeAt createdAt: Timestamp) -> Timestamp {
        createdAt + (updateInterval - publicationOverlap)
    }
}
