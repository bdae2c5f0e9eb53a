import Foundations
import PlatformLibC
import SessionEngine
import SessionService
import Synchronization
import TestSupport
import Testing

@testable import SignerAgent

@Suite(.timeLimit(.minutes(3))) struct AgentSignerTests {
    private func keyID(_ text: String = "d-1") throws -> KeyID { try #require(KeyID(text)) }

    /// A key; one of RS256 is made as soon as there is one in reserve.
    private func made(_ id: KeyID, _ algorithm: SigningAlgorithm, by signer: AgentSigner) async throws
        -> VerificationKey
    {
        while true {
            do throws(SigningError) {
                return VerificationKey(id: id, publicKey: try await signer.makeKey(id, algorithm))
            } catch {
                // The agent waits for a moment itself.
                guard error == .signerUnavailable, algorithm == .rs256 else { throw error }
            }
        }
    }

    /// The next event that is no greeting: each attempt to connect greets.
    private func nextButGreetings(
        _ events: inout AsyncStream<AgentSigner.Event>.AsyncIterator, isolation: isolated (any Actor)? = #isolation
    ) async -> AgentSigner.Event? {
        while let event = await events.next(isolation: isolation) {
            if event != .greets { return event }
        }
        return nil
    }

    @Test(arguments: SigningAlgorithm.allCases)
    func `Hundreds of signatures at once each verify over their own input`(algorithm: SigningAlgorithm) async throws {
        let (running, id) = (try RunningAgent(), try keyID())
        let key = try await made(id, algorithm, by: running.signer)
        let name = SignerKeyName(of: key.publicKey)
        let wrong = try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<300 {
                group.addTask {
                    let input = RunningAgent.input(id, algorithm, subject: "u\(number)")
                    let signature = try await running.signer.signature(over: input, by: name)
                    return !key.accepts(signature, over: input)
                }
            }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(wrong == 0)
        #expect(running.agent.takeCounts().signed == 300)
    }

    @Test func `Keys are made, listed and deleted, and an unknown one does not sign`() async throws {
        let running = try RunningAgent()
        let first = try await made(try keyID("d-1"), .es256, by: running.signer)
        let second = try await made(try keyID("s-2"), .es256, by: running.signer)
        #expect(Set(try await running.signer.keys().map(\.id.rawValue)) == ["d-1", "s-2"])
        let name = SignerKeyName(of: first.publicKey)
        try await running.signer.deleteKey(name)
        try await running.signer.deleteKey(name)
        #expect(try await running.signer.keys().map(\.name) == [SignerKeyName(of: second.publicKey)])
        await #expect(throws: SigningError.signerLacksKey) {
            try await running.signer.signature(over: RunningAgent.input(first.id, .es256), by: name)
        }
    }

    @Test func `What the rules forbid is refused, and the rest of its frame is signed`() async throws {
        let (running, id) = (try RunningAgent(), try keyID())
        let key = try await made(id, .es256, by: running.signer)
        let name = SignerKeyName(of: key.publicKey)
        let good = RunningAgent.input(id, .es256)
        let foreign = RunningAgent.input(try keyID("d-2"), .es256)
        guard case .signed(let results) = running.agent.answer(to: .sign(name, [good, foreign, good])) else {
            Issue.record("no signatures")
            return
        }
        #expect(results.count == 3 && (try? results[0].get()) != nil && (try? results[2].get()) != nil)
        #expect(results[1] == .failure(.refused))
        await #expect(throws: SigningError.signerRefused) {
            try await running.signer.signature(over: foreign, by: name)
        }
        #expect(running.agent.takeCounts().refused == ["header": 2])
    }

    @Test func `More than the rate is refused as passing`() async throws {
        let time = Mutex(MonotonicTime.present)
        let (running, id) = (try RunningAgent(rate: 3, steady: { time.withLock { $0 } }), try keyID())
        let key = try await made(id, .es256, by: running.signer)
        let inputs = [[UInt8]](repeating: RunningAgent.input(id, .es256), count: 60)
        for seconds in [0, 1, 100] as [Int64] {
            time.withLock { $0 = $0 + .seconds(seconds) }
            guard case .signed(let results) = running.agent.answer(to: .sign(SignerKeyName(of: key.publicKey), inputs))
            else {
                Issue.record("no signatures")
                return
            }
            #expect(results.filter { $0 == .failure(.tooMany) }.count == 57)
            #expect(running.agent.takeCounts().signed == 3)
        }
    }

    @Test func `More keys than an installation needs are refused as passing`() throws {
        let time = Mutex(MonotonicTime.present)
        let id = try keyID()
        let running = try RunningAgent(steady: { time.withLock { $0 } })
        func made(_ count: Int) -> Int {
            (0..<count).count { _ in
                if case .made = running.agent.answer(to: .make(id, .es256)) { return true }
                return false
            }
        }
        #expect(made(300) == 200)
        time.withLock { $0 = $0 + .seconds(10) }
        #expect(made(300) == 20)
        #expect(running.agent.answer(to: .make(id, .es256)) == .failed(.tooMany))
    }

    @Test func `An unknown key is looked for once a second, and others are to wait for that`() throws {
        let time = Mutex(MonotonicTime.present)
        let running = try RunningAgent(steady: { time.withLock { $0 } })
        let input = RunningAgent.input(try keyID(), .es256)
        func answer(_ number: UInt8) throws -> SignerFrame.Answer {
            let name = try #require(SignerKeyName(bytes: [UInt8](repeating: number, count: 32)))
            return running.agent.answer(to: .sign(name, [input]))
        }
        #expect(try answer(1) == .failed(.unknownKey))
        #expect(try answer(2) == .failed(.notYet))
        #expect(try answer(1) == .failed(.unknownKey))
        time.withLock { $0 = $0 + .seconds(1) }
        #expect(try answer(2) == .failed(.unknownKey))
    }

    @Test func `A key that cannot be kept is given to the next attempt`() throws {
        let isFull = Mutex(true)
        let made = Mutex(0)
        let id = try keyID()
        let vault = try HookedVault(
            beforeKeep: { () throws(VaultError) in
                if isFull.withLock({ $0 }) { throw VaultError("the disk is full") }
            },
            beforeGenerate: { algorithm in if algorithm == .es256 { made.withLock { $0 += 1 } } })
        let events = Mutex(0)
        let time = MonotonicTime.present
        let running = try RunningAgent(
            vault: vault, steady: { time },
            onAgentEvent: { if case .vaultFailed = $0 { events.withLock { $0 += 1 } } })
        for _ in 0..<50 { #expect(running.agent.answer(to: .make(id, .es256)) == .failed(.failed)) }
        #expect(made.withLock { $0 } == 1)
        #expect(events.withLock { $0 } == 1, "said once a second")
        isFull.withLock { $0 = false }
        guard case .made = running.agent.answer(to: .make(id, .es256)) else {
            Issue.record("no key was made")
            return
        }
        #expect(made.withLock { $0 } == 1)
        #expect(try vault.keys().filter { $0.publicKey.algorithm == .es256 }.count == 1)
    }

    @Test func `A process of another user gets nothing`() async throws {
        let running = try RunningAgent(users: [getuid() &+ 1])
        await #expect(throws: SigningError.signerUnavailable) { try await running.signer.keys() }
        #expect(running.agent.takeCounts().strangers > 0)
    }

    @Test func `A peer that answers nothing costs a request the deadline and the next ones nothing`() async throws {
        let folder = try TemporaryFolder()
        let socket = try SignerSocket(at: folder.path + "/s", group: nil)
        defer { close(socket.descriptor) }
        let events = Mutex<[AgentSigner.Event]>([])
        let signer = AgentSigner(AgentSigner.Settings(path: folder.path + "/s", deadline: .milliseconds(200))) {
            event in
            events.withLock { $0.append(event) }
        }
        defer { signer.close() }
        let name = try #require(SignerKeyName(bytes: [UInt8](repeating: 1, count: 32)))
        for _ in 0..<20 {
            await #expect(throws: SigningError.signerUnavailable) { try await signer.signature(over: [1], by: name) }
        }
        #expect(events.withLock { $0 } == [.silent])
    }

    @Test func `A peer that answers no command is asked for one, and for the next one a while later`() async throws {
        let folder = try TemporaryFolder()
        let socket = try SignerSocket(at: folder.path + "/s", group: nil)
        defer { close(socket.descriptor) }
        var settings = AgentSigner.Settings(path: folder.path + "/s", deadline: .milliseconds(50), connections: 0)
        settings.pauseOfCommands = .seconds(3_600)
        let events = Mutex<[AgentSigner.Event]>([])
        let signer = AgentSigner(settings) { event in events.withLock { $0.append(event) } }
        let (name, id) = (try #require(SignerKeyName(bytes: [UInt8](repeating: 1, count: 32))), try keyID())
        for _ in 0..<20 {
            await #expect(throws: SigningError.signerUnavailable) { try await signer.makeKey(id, .es256) }
        }
        await #expect(throws: SigningError.signerUnavailable) { try await signer.deleteKey(name) }
        #expect(events.withLock { $0 } == [.notDeleted(name)], "what signs says whether it signs")
        // Those that connected are still to be accepted.
        _ = fcntl(socket.descriptor, F_SETFL, O_NONBLOCK)
        var connections = 0
        while true {
            let accepted = accept(socket.descriptor, nil, nil)
            guard accepted >= 0 else { break }
            close(accepted)
            connections += 1
        }
        #expect(connections == 1)
    }

    @Test func `A key that is made too late stops no signature`() async throws {
        let (gate, id) = (Gate(), try keyID())
        let events = Mutex<[AgentSigner.Event]>([])
        let running = try RunningAgent(
            vault: HookedVault(beforeKeep: { gate.passIfSecond() }), deadline: .seconds(3),
            onEvent: { event in events.withLock { $0.append(event) } })
        defer { gate.open() }
        let key = try await made(id, .es256, by: running.signer)
        let (name, input) = (SignerKeyName(of: key.publicKey), RunningAgent.input(id, .es256))
        let late = Task { try await running.signer.makeKey(id, .es256) }
        for _ in 0..<20 {
            #expect(key.accepts(try await running.signer.signature(over: input, by: name), over: input))
        }
        await #expect(throws: SigningError.signerUnavailable) { try await late.value }
        #expect(key.accepts(try await running.signer.signature(over: input, by: name), over: input))
        #expect(events.withLock { $0 } == [])
        gate.open()
        _ = try await made(try keyID("d-2"), .es256, by: running.signer)
    }

    @Test func `A signer that greets and does not sign is asked again by one request after the other`() async throws {
        let (gate, id) = (Gate(), try keyID())
        let (events, sink) = AsyncStream<AgentSigner.Event>.makeStream()
        let running = try RunningAgent(
            vault: HookedVault(beforeSign: { _ in gate.pass() }), deadline: .seconds(2),
            onEvent: { sink.yield($0) })
        defer { gate.open() }
        let key = try await made(id, .es256, by: running.signer)
        let (name, input) = (SignerKeyName(of: key.publicKey), RunningAgent.input(id, .es256))
        @Sendable func isRefused() async -> Bool {
            do throws(SigningError) {
                return !key.accepts(try await running.signer.signature(over: input, by: name), over: input)
            } catch {
                return error == .signerUnavailable
            }
        }
        var news = events.makeAsyncIterator()
        #expect(await isRefused())
        #expect(await news.next() == .silent)
        #expect(await news.next() == .greets)
        #expect(await isRefused(), "the one that tries it")
        gate.open()
        #expect(await news.next() == .greets, "it was silent all the time, and that is logged once")
        while await isRefused() { await Task.yield() }
        #expect(await nextButGreetings(&news) == .answers)
        // As many at once as before.
        let refused = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<50 { group.addTask { await isRefused() } }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(refused == 0)
    }

    @Test func `A key for which no peer waits any more is deleted again`() async throws {
        let gate = Gate()
        let (events, sink) = AsyncStream<SignerAgent.Event>.makeStream()
        let running = try RunningAgent(
            vault: HookedVault(beforeKeep: { gate.passIfFirst() }), deadline: .milliseconds(300),
            onAgentEvent: { sink.yield($0) })
        let (late, id) = (try keyID("d-7"), try keyID())
        await #expect(throws: SigningError.signerUnavailable) { try await running.signer.makeKey(late, .es256) }
        gate.open()
        var news = events.makeAsyncIterator()
        #expect(await news.next() == .made(late, .es256))
        #expect(await news.next() == .deleted(late))
        let key = try await made(id, .es256, by: running.signer)
        #expect(try await running.signer.keys().map(\.name) == [SignerKeyName(of: key.publicKey)])
    }

    @Test func `A socket that another agent has bound by now is not removed`() throws {
        let folder = try TemporaryFolder()
        let first = try SignerSocket(at: folder.path + "/s", group: nil)
        for name in ["/s", "/s.lock"] { unlink(folder.path + name) }
        let second = try SignerSocket(at: folder.path + "/s", group: nil)
        first.remove()
        #expect(try folder.mode(of: "s") == 0o600)
        second.remove()
        #expect(access(folder.path + "/s", F_OK) != 0)
        for socket in [first, second] { close(socket.descriptor) }
    }

    @Test func `What is no frame ends its connection and no other`() async throws {
        let (running, id) = (try RunningAgent(), try keyID())
        let key = try await made(id, .es256, by: running.signer)
        var random = SplitMix64(seed: 51)
        let end = MonotonicTime.present + .seconds(20)
        for _ in 0..<50 {
            let stranger = try #require(UnixConnection(to: running.path))
            let length = UInt32(5 + random.next() % 40)
            let body = (0..<length).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            let head = withUnsafeBytes(of: length.bigEndian) { Array($0) }
            try stranger.send(head + body, until: end)
        }
        for head in [[UInt8](repeating: 255, count: 4), [0, 0, 0, 0], [0, 1, 0, 1]] {
            let stranger = try #require(UnixConnection(to: running.path))
            try stranger.send(head, until: end)
            #expect(throws: UnixConnection.Failure.lost) { try stranger.receive(until: end, within: .seconds(20)) }
        }
        let input = RunningAgent.input(id, .es256)
        let name = SignerKeyName(of: key.publicKey)
        #expect(key.accepts(try await running.signer.signature(over: input, by: name), over: input))
    }

    @Test func `Of two signers at one socket one gives way, also where the other does not listen yet`() throws {
        let folder = try TemporaryFolder()
        let socket = try SignerSocket(at: folder.path + "/s", group: nil)
        defer { close(socket.descriptor) }
        // As in the moment between bind(2) and listen(2): no one answers.
        unlink(folder.path + "/s")
        let error = #expect(throws: VaultError.self) { try SignerSocket(at: folder.path + "/s", group: nil) }
        #expect(error?.description.contains("is locked") == true && error?.isFinal == false)
    }

    @Test func `A socket where another listens, or a file, is not replaced`() throws {
        let running = try RunningAgent()
        #expect(throws: VaultError.self) { try SignerSocket(at: running.path, group: nil) }
        let file = running.folder.path + "/file"
        close(open(file, O_CREAT | O_WRONLY, 0o600))
        #expect(throws: VaultError.self) { try SignerSocket(at: file, group: nil) }
        #expect(try running.folder.mode(of: "s") == 0o600)
    }
}
