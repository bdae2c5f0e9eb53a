import Foundations
package import SessionEngine

/// What an operator measures of signing keys: their age and their states, and nothing of the keys.
package struct SigningKeyFigures: Sendable {
    /// The time since the newest usable key of a kind was made.
    package var ages: [SigningKeyKind: Milliseconds] = [:]
    /// How many keys are in each state.
    package var states: [KeyState: Int] = [:]
    /// Until the dynamic key that signs has to be replaced, negative when that is late; `nil` without such a key.
    package var due: Milliseconds?
}

extension SessionManager {
    /// The signing keys as they are known in memory; waits for nothing.
    package var signingKeyFigures: SigningKeyFigures {
        let (now, ring, schedule) = (clock.time(), keys.ring, policy.keySchedule)
        var figures = SigningKeyFigures()
        for state in KeyState.allCases { figures.states[state] = 0 }
        for key in ring.dynamicKeys + ring.staticKeys {
            let state = ring.state(of: key, algorithm: policy.signingAlgorithm, at: now, schedule: schedule)
            figures.states[state, default: 0] += 1
            guard state == .signing || state == .published else { continue }
            figures.ages[key.kind] = min(figures.ages[key.kind] ?? now - key.createdAt, now - key.createdAt)
            guard key.kind == .dynamic else { continue }
            let due = schedule.signingEnd(ofKeyMadeAt: key.createdAt) - now
            figures.due = max(figures.due ?? due, due)
        }
        return figures
    }
}
