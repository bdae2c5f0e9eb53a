package import Foundations
import PlatformLibC
package import SessionEngine
import Synchronization

/// Answers the questions of cores with the keys of a vault: the one process that has private keys (docs/decisions/0050).
package final class SignerAgent: Sendable {
    /// What an operator decides about a signer.
    package struct Settings: Sendable {
        /// What is signed.
        package var rules: SigningRules
        /// How many signatures are made in a second at most, for each user.
        package var rate: Int
        /// The users whose processes may ask.
        package var users: Set<UInt32>
        /// How many connections there may be of one user, and of all.
        package var connections = (user: 128, all: 512)
        /// How many keys there may be.
        package var mostKeys = 10_000
        /// How many keys are made in a second at most, and at once, for each user.
        package var makes = (perSecond: 2, atOnce: 200)
        /// A clock that is never set.
        package var steady: @Sendable () -> MonotonicTime = { .present }

        package init(rules: SigningRules, rate: Int, users: Set<UInt32>) {
            (self.rules, self.rate, self.users) = (rules, rate, users)
        }
    }

    /// What an agent has done since it was last asked, for its log.
    package struct Counts: Sendable, Equatable {
        package var signed = 0
        package var refused: [String: Int] = [:]
        package var failed = 0
        package var strangers = 0
        package var connections = 0
    }

    /// What is logged at once.
    package enum Event: Sendable, Equatable {
        case made(KeyID, SigningAlgorithm)
        case deleted(KeyID?)
        case vaultFailed(String)
        case stranger(UInt32?)
    }

    private struct State {
        var keys: [SignerKeyName: VaultKey] = [:]
        var spares: [SigningAlgorithm: VaultKey] = [:]
        var isMaking: Set<SigningAlgorithm> = []
        var limits: [UInt32: RateLimit] = [:]
        var makingLimits: [UInt32: RateLimit] = [:]
        var counts = Counts()
        /// How many connections each user has.
        var open: [UInt32: Int] = [:]
        /// When each kind of event was last logged that a stranger or a device may cause at any rate.
        var logged: [String: MonotonicTime] = [:]
        /// When the vault was last asked for a key that is not known here, and for which.
        var asked: (time: MonotonicTime, name: SignerKeyName)?

        var connections: Int { open.values.reduce(0, +) }
    }

    private let vault: any KeyVault
    private let settings: Settings
    private let clock: ClockAndRandomness
    private let state: Mutex<State>
    private let onEvent: @Sendable (Event) -> Void

    /// Opens a vault and begins to make a key in reserve.
    ///
    /// - Throws: ``VaultError``.
    package init(
        _ vault: any KeyVault, _ settings: Settings, clock: ClockAndRandomness = .system,
        onEvent: @escaping @Sendable (Event) -> Void = { _ in }
    ) throws(VaultError) {
        self.vault = vault
        self.settings = settings
        self.clock = clock
        self.onEvent = onEvent
        state = Mutex(State())
        var known: [SignerKeyName: VaultKey] = [:]
        var spares: [SigningAlgorithm: VaultKey] = [:]
        for key in try vault.keys() {
            if key.id != nil {
                known[key.name] = key
            } else if let second = spares.updateValue(key, forKey: key.publicKey.algorithm) {
                // One is enough; a device has room for few.
                try? vault.delete(second)
            }
        }
        state.withLock { [known, spares] in ($0.keys, $0.spares) = (known, spares) }
        reserve(.rs256)
    }

    /// How many keys there are.
    package var keyCount: Int { state.withLock { $0.keys.count } }

    /// What was done since this was last asked.
    package func takeCounts() -> Counts {
        state.withLock { state in
            defer { state.counts = Counts(connections: state.connections) }
            return state.counts
        }
    }

    /// Accepts connections for ever, each with a thread of its own.
    ///
    /// - Parameter descriptor: a listening socket.
    package func serve(_ descriptor: Int32) {
        while true {
            let accepted = accept(descriptor, nil, nil)
            guard accepted >= 0 else {
                switch errno {
                case EINTR, ECONNABORTED: continue
                case EMFILE, ENFILE, ENOBUFS, ENOMEM:
                    usleep(100_000)
                    continue
                default: return
                }
            }
            let connection = UnixConnection(taking: accepted)
            guard let user = connection.peer, settings.users.contains(user) else {
                state.withLock { $0.counts.strangers += 1 }
                log(.stranger(connection.peer), atMost: "stranger")
                continue
            }
            guard begin(of: user) else { continue }
            // It belongs to its thread from here on.
            let descriptor = connection.released()
            let hasThread = SystemThread.start { [self] in
                answer(UnixConnection(taking: descriptor), of: user)
                end(of: user)
            }
            if !hasThread {
                close(descriptor)
                end(of: user)
            }
        }
    }

    private func begin(of user: UInt32) -> Bool {
        state.withLock { state in
            guard state.open[user, default: 0] < settings.connections.user, state.connections < settings.connections.all
            else { return false }
            state.open[user, default: 0] += 1
            state.counts.connections = max(state.counts.connections, state.connections)
            return true
        }
    }

    private func end(of user: UInt32) { state.withLock { $0.open[user, default: 1] -= 1 } }

    /// Logs what may happen at any rate once a second.
    private func log(_ event: Event, atMost kind: String) {
        let now = settings.steady()
        let isDue = state.withLock { state in
            if let last = state.logged[kind], now - last < .seconds(1) { return false }
            state.logged[kind] = now
            return true
        }
        if isDue { onEvent(event) }
    }

    /// Answers frame after frame; a frame that begins has to be whole in a second, and what is no question ends the connection.
    private func answer(_ connection: UnixConnection, of user: UInt32) {
        while let frame = try? connection.receive(until: nil, within: .seconds(1)) {
            guard let (id, question) = SignerFrame.question(frame) else {
                state.withLock { $0.counts.refused["malformed", default: 0] += 1 }
                let answer = SignerFrame.encoded(SignerFrame.Answer.failed(.malformed), id: 0)
                try? connection.send(answer, until: MonotonicTime.present + .seconds(1))
                return
            }
            let answer = answer(to: question, of: user)
            let frame = SignerFrame.encoded(answer, id: id)
            guard (try? connection.send(frame, until: MonotonicTime.present + .seconds(1))) != nil else {
                undo(answer)
                return
            }
        }
    }

    /// A key for which no peer waits any more is deleted again: the peer asks for another.
    private func undo(_ answer: SignerFrame.Answer) {
        guard case .made(let key) = answer else { return }
        for algorithm in SigningAlgorithm.allCases {
            guard let half = try? PublicVerificationKey(spkiDER: key, algorithm: algorithm) else { continue }
            _ = delete(SignerKeyName(of: half))
        }
    }

    /// The answer to a question.
    ///
    /// - Parameters:
    ///   - question: what is asked.
    ///   - user: whose rate it counts for.
    package func answer(to question: SignerFrame.Question, of user: UInt32 = 0) -> SignerFrame.Answer {
        switch question {
        case .hello: return .hello(version: SignerFrame.version)
        case .list(let offset): return list(from: Int(offset))
        case .sign(let name, let inputs): return sign(inputs, name, of: user)
        case .make(let id, let algorithm): return make(id, algorithm, of: user)
        case .delete(let name): return delete(name)
        }
    }

    private func list(from offset: Int) -> SignerFrame.Answer {
        let keys = state.withLock { Array($0.keys.values) }.sorted {
            ($0.createdAt, $0.name.description) < ($1.createdAt, $1.name.description)
        }
        let entries = keys.dropFirst(offset).prefix(Self.entriesOfFrame).compactMap { key in
            key.id.map {
                SignerFrame.Entry(
                    name: key.name, id: $0, algorithm: key.publicKey.algorithm, createdAt: key.createdAt.milliseconds)
            }
        }
        return .list(total: UInt32(clamping: keys.count), Array(entries))
    }

    private static let entriesOfFrame = 300

    /// A key; the vault is asked for one that others may have put there, once a second at most.
    ///
    /// - Returns: `nil` with ``SignerFrame/Problem/notYet`` where it was not asked.
    private func key(_ name: SignerKeyName) -> (key: VaultKey?, problem: SignerFrame.Problem) {
        let now = settings.steady()
        let (known, problem) = state.withLock { state -> (VaultKey?, SignerFrame.Problem?) in
            if let known = state.keys[name] { return (known, .unknownKey) }
            if let asked = state.asked, now - asked.time < .seconds(1) {
                return (nil, asked.name == name ? .unknownKey : .notYet)
            }
            state.asked = (now, name)
            return (nil, nil)
        }
        if let problem { return (known, problem) }
        let found: [VaultKey]
        do throws(VaultError) { found = try vault.keys() } catch {
            log(.vaultFailed(error.description), atMost: "vault")
            return (nil, .failed)
        }
        return state.withLock { state in
            for key in found where key.id != nil && state.keys[key.name] == nil { state.keys[key.name] = key }
            return (state.keys[name], .unknownKey)
        }
    }

    private func sign(_ inputs: [[UInt8]], _ name: SignerKeyName, of user: UInt32) -> SignerFrame.Answer {
        let (found, problem) = key(name)
        guard let key = found, let id = key.id else {
            note(refused: problem == .unknownKey ? "unknown-key" : "key-not-looked-for", inputs.count)
            return .failed(problem)
        }
        var results: [Result<[UInt8], SignerFrame.Problem>] = []
        var places: [Int] = []
        let time = clock.time()
        for (index, input) in inputs.enumerated() {
            do throws(SigningRules.Refusal) {
                try settings.rules.check(input, by: id, key.publicKey.algorithm, at: time)
                places.append(index)
                results.append(.failure(.failed))
            } catch {
                note(refused: error.rawValue, 1)
                results.append(.failure(.refused))
            }
        }
        let allowed = take(places.count, of: user)
        for place in places.dropFirst(allowed) { results[place] = .failure(.tooMany) }
        if allowed < places.count { note(refused: "rate", places.count - allowed) }
        places = Array(places.prefix(allowed))
        guard !places.isEmpty else { return .signed(results) }
        do throws(VaultError) {
            let signatures = try vault.sign(places.map { inputs[$0] }, with: key)
            guard signatures.count == places.count else { throw VaultError("the key store lost a signature") }
            for (place, signature) in zip(places, signatures) { results[place] = .success(signature) }
            state.withLock { $0.counts.signed += signatures.count }
        } catch {
            state.withLock { $0.counts.failed += places.count }
            log(.vaultFailed(error.description), atMost: "vault")
        }
        return .signed(results)
    }

    /// How many signatures a user may have now.
    private func take(_ wanted: Int, of user: UInt32) -> Int {
        let (now, rate) = (settings.steady(), settings.rate)
        return state.withLock { state in
            state.limits[user, default: RateLimit(perSecond: rate, atOnce: rate, at: now)].take(wanted, at: now)
        }
    }

    /// Whether a user may have a key made now.
    private func mayMake(_ user: UInt32) -> Bool {
        let (now, makes) = (settings.steady(), settings.makes)
        return state.withLock { state in
            let new = RateLimit(perSecond: makes.perSecond, atOnce: makes.atOnce, at: now)
            return state.makingLimits[user, default: new].take(1, at: now) == 1
        }
    }

    private func note(refused reason: String, _ count: Int) {
        state.withLock { $0.counts.refused[reason, default: 0] += count }
    }

    /// Makes a key: one in reserve gets its name, and another one is made for the next time.
    private func make(_ id: KeyID, _ algorithm: SigningAlgorithm, of user: UInt32) -> SignerFrame.Answer {
        guard keyCount < settings.mostKeys else {
            note(refused: "too-many-keys", 1)
            return .failed(.refused)
        }
        guard mayMake(user) else {
            note(refused: "rate-of-keys", 1)
            return .failed(.tooMany)
        }
        guard let spare = spare(algorithm) else { return .failed(.notYet) }
        var key = spare
        (key.id, key.createdAt) = (id, clock.time())
        do throws(VaultError) { try vault.keep(key) } catch {
            putBack(spare)
            log(.vaultFailed(error.description), atMost: "vault")
            return .failed(.failed)
        }
        state.withLock { [key] in $0.keys[key.name] = key }
        onEvent(.made(id, algorithm))
        reserve(.rs256)
        return .made(key.publicKey.spkiDER)
    }

    /// A key that could not be kept is the next one in reserve: a full disk does not cost a key for each attempt.
    private func putBack(_ key: VaultKey) {
        let isBack = state.withLock { state in
            guard state.spares[key.publicKey.algorithm] == nil else { return false }
            state.spares[key.publicKey.algorithm] = key
            return true
        }
        if !isBack { try? vault.delete(key) }
    }

    /// A key in reserve; one of ES256 is made at once, and for one of RS256 that is being made this waits a moment.
    private func spare(_ algorithm: SigningAlgorithm) -> VaultKey? {
        func taken() -> (key: VaultKey?, isMaking: Bool) {
            state.withLock { ($0.spares.removeValue(forKey: algorithm), $0.isMaking.contains(algorithm)) }
        }
        if let key = taken().key { return key }
        guard algorithm == .rs256 else { return generated(algorithm) }
        reserve(algorithm)
        for _ in 0..<30 {
            let (key, isMaking) = taken()
            if let key { return key }
            guard isMaking else { return nil }
            usleep(10_000)
        }
        return nil
    }

    private func generated(_ algorithm: SigningAlgorithm) -> VaultKey? {
        do throws(VaultError) { return try vault.generate(algorithm, at: clock.time()) } catch {
            log(.vaultFailed(error.description), atMost: "vault")
            return nil
        }
    }

    /// Makes a key in the background, unless there is one or one is being made.
    private func reserve(_ algorithm: SigningAlgorithm) {
        let begins = state.withLock { state in
            state.spares[algorithm] == nil && state.isMaking.insert(algorithm).inserted
        }
        guard begins else { return }
        let hasThread = SystemThread.start { [self] in
            let key = generated(algorithm)
            state.withLock { state in
                if let key { state.spares[algorithm] = key }
                state.isMaking.remove(algorithm)
            }
        }
        if !hasThread { state.withLock { _ = $0.isMaking.remove(algorithm) } }
    }

    private func delete(_ name: SignerKeyName) -> SignerFrame.Answer {
        let (found, problem) = key(name)
        guard let key = found else { return problem == .unknownKey ? .deleted(false) : .failed(problem) }
        do throws(VaultError) { try vault.delete(key) } catch {
            log(.vaultFailed(error.description), atMost: "vault")
            return .failed(.failed)
        }
        state.withLock { $0.keys[name] = nil }
        onEvent(.deleted(key.id))
        return .deleted(true)
    }
}
