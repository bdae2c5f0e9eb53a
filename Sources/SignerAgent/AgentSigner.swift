import Dispatch
import Foundations
import PlatformLibC
package import SessionEngine
import SessionService
import Synchronization

/// Signs by an agent over a Unix socket (docs/decisions/0050).
///
/// A few connections, each with a thread. One that is free takes what waits, up to 32 inputs of one key in a frame, so that
/// a signer that has much to do gets few frames; a second one is woken only where the first has enough to do. A request
/// waits for the deadline at most: a signer that misses one is not asked again until it has answered a greeting, and until
/// then every request fails at once. After that one request tries it, and the others fail at once until that is answered.
package final class AgentSigner: TokenSigner {
    /// Where the agent is and how it is asked.
    package struct Settings: Sendable {
        /// The path of the socket.
        package var path: String
        /// For how long a request waits at most.
        package var deadline: Duration
        /// How many connections there are.
        package var connections: Int
        /// The pause between two attempts to connect.
        package var pause = Duration.milliseconds(50)
        /// For how long commands fail at once after one that was not answered in time.
        package var pauseOfCommands = Duration.seconds(1)

        package init(path: String, deadline: Duration = .seconds(1), connections: Int = 2) {
            (self.path, self.deadline, self.connections) = (path, deadline, connections)
        }
    }

    /// What has changed, for a log.
    package enum Event: Sendable, Equatable {
        /// Requests fail at once from now on.
        case silent
        /// It has greeted, and one request tries it.
        case greets
        /// It signs again.
        case answers
        /// A key was to be deleted and may still be there.
        case notDeleted(SignerKeyName)
        /// It answers, but not with signatures; at most once a minute for each reason.
        case fails(String)
    }

    private typealias Waiter = CheckedContinuation<Result<[UInt8], SigningError>, Never>
    private typealias Queue = SignerQueue<Waiter>

    private let settings: Settings
    private let state: Mutex<Queue>
    private let news = DispatchSemaphore(value: 0)
    private let commands = DispatchQueue(label: "tessera.signer", attributes: .concurrent)
    private let onEvent: @Sendable (Event) -> Void
    /// When a failure was last reported for each reason.
    private let reported = Mutex<[String: MonotonicTime]>([:])
    /// Until when commands fail at once, because one was not answered in time.
    private let commandsResume = Mutex(MonotonicTime(nanoseconds: 0))

    /// Connects in the background, and again whenever that is needed, until ``close()``.
    ///
    /// - Parameters:
    ///   - settings: where the agent is and how it is asked.
    ///   - onEvent: called with what a log has to say.
    package init(_ settings: Settings, onEvent: @escaping @Sendable (Event) -> Void = { _ in }) {
        self.settings = settings
        self.onEvent = onEvent
        state = Mutex(Queue(deadline: settings.deadline, connections: settings.connections))
        var threads = 0
        for _ in 0..<settings.connections where SystemThread.start({ self.run() }) { threads += 1 }
        // Without a thread no request would ever be answered.
        guard threads == 0, settings.connections > 0 else { return }
        close()
        report("the system gives no thread for it: start the core again")
    }

    /// Ends the connections; what waits fails.
    package func close() {
        fail(state.withLock { $0.close() })
        for _ in 0..<settings.connections { news.signal() }
    }

    package func signature(
        over input: [UInt8], by key: SignerKeyName
    ) async throws(SigningError) -> [UInt8] {
        guard SignerFrame.roomForSign + SignerFrame.room(for: input) <= SignerFrame.longest else {
            throw .signerRefused
        }
        let now = MonotonicTime.present
        let result = await withCheckedContinuation { (waiter: Waiter) in
            let request = Queue.Request(key: key, input: input, end: now + settings.deadline, waiter: waiter)
            switch state.withLock({ $0.add(request, at: now) }) {
            case .refused: waiter.resume(returning: .failure(.signerUnavailable))
            case .waits: break
            case .wakes: news.signal()
            }
        }
        return try result.get()
    }

    package func makeKey(
        _ id: KeyID, _ algorithm: SigningAlgorithm
    ) async throws(SigningError) -> PublicVerificationKey {
        guard case .made(let bytes) = try await command(.make(id, algorithm)),
            let key = try? PublicVerificationKey(spkiDER: bytes, algorithm: algorithm)
        else { throw .signerUnavailable }
        return key
    }

    package func deleteKey(_ key: SignerKeyName) async throws(SigningError) {
        do { _ = try await command(.delete(key)) } catch {
            onEvent(.notDeleted(key))
            throw error
        }
    }

    /// The keys of the agent, for people.
    package func keys() async throws(SigningError) -> [SignerFrame.Entry] {
        var keys: [SignerFrame.Entry] = []
        // An agent gives 300 of its 10,000 at once.
        for _ in 0..<400 {
            guard case .list(let total, let page) = try await command(.list(from: UInt32(clamping: keys.count))) else {
                throw .signerUnavailable
            }
            keys += page
            if page.isEmpty || keys.count >= Int(total) { break }
        }
        return keys
    }

    /// Asks something that is rare, on a connection of its own.
    ///
    /// Whether it is answered in time says nothing about signatures: to keep a key takes a write.
    private func command(_ question: SignerFrame.Question) async throws(SigningError) -> SignerFrame.Answer {
        let now = MonotonicTime.present
        guard !state.withLock({ $0.isClosed || $0.isSilent }), commandsResume.withLock({ $0 <= now }) else {
            throw .signerUnavailable
        }
        let end = now + settings.deadline
        let answer = await withCheckedContinuation { (waiter: CheckedContinuation<SignerFrame.Answer?, Never>) in
            commands.async { [settings] in
                // The connection is closed before the end is known: an answer that comes later is undone by the agent.
                waiter.resume(returning: Self.answer(to: question, at: settings.path, until: end))
            }
        }
        let ended = MonotonicTime.present
        if answer == nil, ended >= end { commandsResume.withLock { $0 = ended + settings.pauseOfCommands } }
        switch answer {
        case .failed(.refused)?, .failed(.unknownKey)?, .failed(.malformed)?: throw .signerRefused
        case .failed(let problem)?:
            report(Self.words(of: problem))
            throw .signerUnavailable
        case nil: throw .signerUnavailable
        case let answer?: return answer
        }
    }

    private static func answer(
        to question: SignerFrame.Question, at path: String, until end: MonotonicTime
    ) -> SignerFrame.Answer? {
        guard MonotonicTime.present < end, let connection = UnixConnection(to: path) else { return nil }
        return ask(question, on: connection, id: 1, until: end)
    }

    private static func ask(
        _ question: SignerFrame.Question, on connection: UnixConnection, id: UInt32, until end: MonotonicTime
    ) -> SignerFrame.Answer? {
        do throws(UnixConnection.Failure) {
            try connection.send(SignerFrame.encoded(question, id: id), until: end)
            guard let answer = SignerFrame.answer(try connection.receive(until: end, within: .seconds(60))),
                answer.id == id
            else { return nil }
            return answer.1
        } catch {
            return nil
        }
    }

    // MARK: One connection

    /// Serves a connection after the other until the end.
    private func run() {
        while !state.withLock({ $0.isClosed }) {
            if let connection = connected(), serve(connection) { continue }
            // Fails what has waited for too long while there is no connection.
            if state.withLock({ $0.isAnyLate(at: .present) }) { silence() }
            pause()
        }
    }

    private func pause() {
        var time = timespec()
        time.tv_nsec = Int(settings.pause.inNanoseconds % 1_000_000_000)
        nanosleep(&time, nil)
    }

    /// A connection whose agent has answered a greeting.
    private func connected() -> UnixConnection? {
        guard let connection = UnixConnection(to: settings.path) else { return nil }
        // Those that wait already wait no longer for it.
        let first = state.withLock { $0.firstEnd }
        let end = min(MonotonicTime.present + min(settings.deadline, .milliseconds(300)), first ?? .distantFuture)
        let greeting = SignerFrame.Question.hello(version: SignerFrame.version)
        let answer = Self.ask(greeting, on: connection, id: 0, until: end)
        guard case .hello(SignerFrame.version)? = answer else {
            if case .hello(let version)? = answer {
                report("it speaks version \(version) of the protocol, and this core version \(SignerFrame.version)")
            }
            return nil
        }
        if state.withLock({ $0.greet() }) { onEvent(.greets) }
        return connection
    }

    /// Asks for what waits until the connection is lost or the signer is late.
    ///
    /// - Returns: whether anything was answered on it.
    private func serve(_ connection: UnixConnection) -> Bool {
        var hasAnswered = false
        while true {
            while let batch = take() {
                let begun = MonotonicTime.present
                do throws(UnixConnection.Failure) {
                    let question = SignerFrame.Question.sign(batch.key, batch.requests.map(\.input))
                    try connection.send(SignerFrame.encoded(question, id: batch.id), until: batch.end)
                    let frame = try connection.receive(until: batch.end, within: .seconds(60))
                    guard deliver(frame, to: batch, since: begun) else { throw .lost }
                    hasAnswered = true
                } catch {
                    give(up: batch, error, since: begun)
                    return hasAnswered
                }
            }
            news.wait()
            if state.withLock({ $0.wake() }) { return true }
        }
    }

    /// What one frame takes; what is too late for one fails.
    private func take() -> Queue.Batch? {
        let (batch, late) = state.withLock { $0.take(at: .present) }
        fail(late)
        return batch
    }

    /// A frame that is not answered: its requests wait for another connection, unless they have waited for too long.
    private func give(up batch: Queue.Batch, _ failure: UnixConnection.Failure, since begun: MonotonicTime) {
        let now = MonotonicTime.present
        // A signature may be made twice. A signer that has had half of the time for one frame hangs; with less it may only
        // have much to do.
        let hangs = failure == .late && now - begun >= settings.deadline / 2
        fail(state.withLock { $0.putBack(batch, at: now, drops: hangs) })
        if hangs { silence() }
    }

    /// Gives each request its signature; nothing is given of an answer that does not fit.
    private func deliver(_ frame: [UInt8], to batch: Queue.Batch, since begun: MonotonicTime) -> Bool {
        guard let answer = SignerFrame.answer(frame), answer.id == batch.id else { return false }
        let results: [Result<[UInt8], SignerFrame.Problem>]
        switch answer.1 {
        case .signed(let signed): results = signed
        case .failed(.malformed): return false
        case .failed(let problem): results = batch.requests.map { _ in .failure(problem) }
        case .hello, .list, .made, .deleted: return false
        }
        guard results.count == batch.requests.count, results.allSatisfy(Self.hasLength) else { return false }
        let works = results.contains { $0 != .failure(.failed) }
        let signsAgain = state.withLock { $0.note(results.count, took: MonotonicTime.present - begun, works: works) }
        if signsAgain { onEvent(.answers) }
        // Who asked says the others: a key that is gone may have been retired a moment ago.
        for case .failure(let problem) in results where Self.error(problem) == .signerUnavailable {
            report(Self.words(of: problem))
        }
        for (request, result) in zip(batch.requests, results) {
            request.waiter.resume(returning: result.mapError(Self.error))
        }
        return true
    }

    /// Whether an answer has the length of a signature with P-256, or with RSA of 2,048 to 8,192 bits.
    private static func hasLength(_ result: Result<[UInt8], SignerFrame.Problem>) -> Bool {
        guard case .success(let signature) = result else { return true }
        return signature.count == 64 || (256...1_024).contains(signature.count)
    }

    private static func error(_ problem: SignerFrame.Problem) -> SigningError {
        switch problem {
        case .unknownKey: .signerLacksKey
        case .refused, .malformed: .signerRefused
        case .tooMany, .failed, .notYet: .signerUnavailable
        }
    }

    private static func words(of problem: SignerFrame.Problem) -> String {
        switch problem {
        case .unknownKey: "it has no key of that name"
        case .refused, .malformed: "it refuses"
        case .tooMany: "it is asked for more than its --rate, or for too many keys"
        case .failed: "its keys cannot be used"
        case .notYet: "it has no key ready"
        }
    }

    /// Reports why there are no signatures, at most once a minute for each reason.
    private func report(_ reason: String) {
        let now = MonotonicTime.present
        let isDue = reported.withLock { reported in
            if let last = reported[reason], now - last < .seconds(60) { return false }
            reported[reason] = now
            return true
        }
        if isDue { onEvent(.fails(reason)) }
    }

    /// From now on requests fail at once, and so do those that wait.
    private func silence() {
        let (failed, isNews) = state.withLock { $0.silence() }
        if isNews { onEvent(.silent) }
        fail(failed)
    }

    private func fail(_ requests: [Queue.Request]) {
        for request in requests { request.waiter.resume(returning: .failure(.signerUnavailable)) }
    }
}
