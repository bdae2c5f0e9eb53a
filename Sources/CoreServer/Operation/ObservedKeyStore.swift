public import Logging
public import SessionEngine
public import SessionStorage
import Synchronization

/// A key store that logs for an operator what happens to signing keys, also by other processes: a line for each key that is
/// made, signs for the first time or is retired, and nothing of the key itself.
public struct ObservedKeyStore: KeyStore {
    private let base: any KeyStore
    private let app: AppID
    private let logger: Logger
    private let seen = Seen()

    /// Observes a store.
    ///
    /// - Parameters:
    ///   - base: where the keys are kept.
    ///   - app: whose they are.
    ///   - logger: where the lines go.
    public init(_ base: any KeyStore, of app: AppID, _ logger: Logger) {
        self.base = base
        self.app = app
        self.logger = logger
    }

    public func updateSigningKeys(
        _ decide: @escaping @Sendable ([SigningKeyRecord]) -> SigningKeyChange
    ) async throws(StorageError) -> [SigningKeyRecord] {
        let (seen, step) = (seen, Step())
        let keys = try await base.updateSigningKeys { stored in
            seen.begin(step, with: stored)
            return decide(stored)
        }
        for line in seen.changes(to: keys, after: step) { say(line) }
        return keys
    }

    private func say(_ line: Line) {
        let key = line.key
        var details: Logger.Metadata = ["app": "\(app.rawValue)", "key": "\(key.id.rawValue)"]
        if line.event == .made {
            details["kind"] = "\(key.kind.rawValue)"
            details["alg"] = "\(key.algorithm.rawValue)"
        }
        logger.info("\(line.event.rawValue)", metadata: details)
    }

    public func value(
        named name: StoredValueName, audit event: AuditEvent?, orStore candidate: @escaping @Sendable () -> String
    ) async throws(StorageError) -> String {
        try await base.value(named: name, audit: event, orStore: candidate)
    }

    public func storedValue(_ name: StoredValueName) async throws(StorageError) -> String? {
        try await base.storedValue(name)
    }

    public func replaceValue(
        named name: StoredValueName, _ old: String, by new: String, audit event: AuditEvent?
    ) async throws(StorageError) -> Bool {
        try await base.replaceValue(named: name, old, by: new, audit: event)
    }
}

extension ObservedKeyStore {
    private struct Line {
        enum Event: String {
            case made = "a signing key was made"
            case signs = "a signing key signs from now on"
            case retired = "a signing key was retired"
        }

        let event: Event
        let key: SigningKeyRecord
    }

    /// One step of the store, with its place among all steps.
    private final class Step: Sendable {
        let number = Mutex(0)
    }

    /// The keys after the last step that was looked at.
    private final class Seen: Sendable {
        private struct State {
            var keys: [KeyID: SigningKeyRecord]?
            var steps = 0
            var lastStep = 0
        }

        private let state = Mutex(State())

        /// Notes that a step sees these keys; what was there before the first one is no news.
        func begin(_ step: Step, with keys: [SigningKeyRecord]) {
            let number = state.withLock { state in
                if state.keys == nil { state.keys = Self.table(keys) }
                state.steps += 1
                return state.steps
            }
            step.number.withLock { $0 = number }
        }

        /// What has changed; nothing where a later step was looked at before.
        func changes(to keys: [SigningKeyRecord], after step: Step) -> [Line] {
            let number = step.number.withLock(\.self)
            return state.withLock { state in
                guard let old = state.keys, number > state.lastStep else { return [] }
                let new = Self.table(keys)
                (state.keys, state.lastStep) = (new, number)
                let made = keys.filter { old[$0.id] == nil }
                let signing = keys.filter { $0.firstUsedAt != nil && old[$0.id]?.firstUsedAt == nil }
                let retired = old.values.filter { new[$0.id] == nil }.sorted { $0.id.rawValue < $1.id.rawValue }
                return made.map { Line(event: .made, key: $0) } + signing.map { Line(event: .signs, key: $0) }
                    + retired.map { Line(event: .retired, key: $0) }
            }
        }

        private static func table(_ keys: [SigningKeyRecord]) -> [KeyID: SigningKeyRecord] {
            // Nothing of a key but what is public.
            let known = keys.map { key in
                var key = key
                key.privateKeyDER = []
                return (key.id, key)
            }
            return Dictionary(known) { first, _ in first }
        }
    }
}
