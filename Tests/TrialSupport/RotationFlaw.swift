import InMemoryStorage
public import SessionEngine
public import SessionStorage
public import SessionStorageTesting

/// Deliberate mistakes in the rule of docs/decisions/0019, by its names; each trial says which it has to find.
public enum RotationFlaw: String, Sendable, CaseIterable {
    /// F1, the rule of decision 0012: the successor is derived from the token alone, and the first use shuts its window.
    case oldRule = "F1 old rule"
    /// F2: no window is counted, so that each is the first one again.
    case uncounted = "F2 windows without a number"
    /// F3: nothing but the first use shuts a window.
    case endless = "F3 endless window"
    /// F4: the first use shuts everything, also for requests that were sent before it.
    case shutByUse = "F4 shut by first use"
    /// F6: no token is shortened.
    case whole = "F6 whole tokens"
    /// F7: the tokens of a repeat are shortened, and those of the next generation are not.
    case wholeAfterwards = "F7 whole next generation"
}

/// A storage that plants a mistake by showing decisions another sharing state than there is.
public struct FlawedStorage: StorageDecorator {
    public let base: any SessionStorage = InMemorySessionStorage()
    private let flaw: RotationFlaw?

    /// A storage in memory with a mistake, or with none.
    public init(_ flaw: RotationFlaw? = nil) {
        self.flaw = flaw
    }

    public func update<Outcome: Sendable>(
        _ handle: SessionHandle, _ decide: @escaping @Sendable (SessionRecord?, Timestamp?) -> Decision<Outcome>
    ) async throws(StorageError) -> Outcome {
        let flaw = flaw
        return try await base.update(handle) { record, time in
            let shown = record.map { flaw?.shown($0) ?? $0 }
            var decided = decide(shown, time)
            if case .replace(let next) = decided.change, let flaw, let shown {
                decided.change = .replace(flaw.kept(next, after: shown))
            }
            return decided
        }
    }
}

extension RotationFlaw {
    private static let longAgo = Timestamp(milliseconds: 0)

    /// What a decision is shown of a session.
    fileprivate func shown(_ record: SessionRecord) -> SessionRecord {
        guard var state = record.storedSharing else { return record }
        switch self {
        case .oldRule:
            state.window = nil
            state.sharedAt = nil
        case .endless: state.window?.openedAt = Timestamp(milliseconds: .max)
        case .whole, .wholeAfterwards: state.sharedAt = nil
        case .uncounted, .shutByUse: break
        }
        var shown = record
        shown.storedSharing = state
        return shown
    }

    /// What is kept of what was decided.
    fileprivate func kept(_ next: SessionRecord, after shown: SessionRecord) -> SessionRecord {
        var next = next
        guard var state = next.storedSharing else { return next }
        switch self {
        case .oldRule, .shutByUse:
            guard next.currentTokenHash != shown.currentTokenHash else { return next }
            state.issue?.repeatsUntil = nil
            next.rotatedAt = Self.longAgo
        case .uncounted: state.window?.number = 0
        case .endless, .whole, .wholeAfterwards: break
        }
        next.storedSharing = state
        return next
    }
}
