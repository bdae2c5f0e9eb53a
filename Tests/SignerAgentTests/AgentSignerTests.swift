import Crypto
import Dispatch
import Foundations
import PlatformLibC
import SessionEngine
import SessionService
import Synchronization
import TestSupport
import Testing

@testable import SignerAgent

@Suite struct AgentSignerTests {
    private func keyID(_ text: String = "d-1") throws -> KeyID { try #require(KeyID(text)) }

    /// A key, made as soon as there is one in reserve.
    private func made(_ id: KeyID, _ algorithm: SigningAlgorithm, by signer: AgentSigner) async throws
        -> VerificationKey
    {
        for _ in 0..<100_000 {
            do throws(SigningError) {
                return VerificationKey(id: id, publicKey: try await signer.makeKey(id, algorithm))
            } catch {
                guard error == .signerUnavailable else { throw error }
                await Task.yield()
            }
        }
        throw SigningError.signerUnavailable
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
        await #expect(throws: SigningError.signerRefused) {
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
        let (running, id) = (try RunningAgent(rate: 3), try keyID())
        let key = try await made(id, .es256, by: running.signer)
        let inputs = [[UInt8]](repeating: RunningAgent.input(id, .es256), count: 60)
        guard case .signed(let results) = running.agent.answer(to: .sign(SignerKeyName(of: key.publicKey), inputs))
        else {
            Issue.record("no signatures")
            return
        }
        #expect(results.filter { $0 == .failure(.tooMany) }.count >= 57)
        #expect(running.agent.takeCounts().signed <= 3)
    }

    @Test func `A process of another user gets nothing`() async throws {
        let running = try RunningAgent(users: [getuid() &+ 1], deadline: .milliseconds(200))
        await #expect(throws: SigningError.signerUnavailable) { try await running.signer.keys() }
        #expect(running.agent.takeCounts().strangers > 0)
    }

    @Test(arguments: [true, false])
    func `A peer that answers nothing costs a request the deadline and the next ones nothing`(makes: Bool)
        async throws
    {
        let folder = try TemporaryFolder()
        let socket = try SignerSocket(at: folder.path + "/s", group: nil)
        defer { close(socket.descriptor) }
        let events = Mutex<[AgentSigner.Event]>([])
        let signer = AgentSigner(AgentSigner.Settings(path: folder.path + "/s", deadline: .milliseconds(200))) {
            event in
            events.withLock { $0.append(event) }
        }
        defer { signer.close() }
        let (name, id) = (try #require(SignerKeyName(bytes: [UInt8](repeating: 1, count: 32))), try keyID())
        if makes {
            await #expect(throws: SigningError.signerUnavailable) { try await signer.makeKey(id, .es256) }
            #expect(events.withLock { $0 } == [.silent])
        }
        for _ in 0..<20 {
            await #expect(throws: SigningError.signerUnavailable) { try await signer.signature(over: [1], by: name) }
        }
        #expect(events.withLock { $0 } == [.silent])
    }

    @Test func `A signer that makes a key too late is asked again once it answers`() async throws {
        let vault = try LateVault()
        let (running, id) = (try RunningAgent(vault: vault, deadline: .milliseconds(300)), try keyID())
        await #expect(throws: SigningError.signerUnavailable) { try await running.signer.makeKey(id, .es256) }
        vault.released.signal()
        let key = try await made(id, .es256, by: running.signer)
        let (name, input) = (SignerKeyName(of: key.publicKey), RunningAgent.input(id, .es256))
        for _ in 0..<100_000 {
            do throws(SigningError) {
                #expect(key.accepts(try await running.signer.signature(over: input, by: name), over: input))
                return
            } catch {
                #expect(error == .signerUnavailable)
                await Task.yield()
            }
        }
        Issue.record("it is not asked again")
    }

    @Test func `A signer that greets and does not sign is tried by one request at a time`() async throws {
        let (vault, id) = (try StuckVault(), try keyID())
        let (events, sink) = AsyncStream<AgentSigner.Event>.makeStream()
        let running = try RunningAgent(vault: vault, deadline: .seconds(1)) { sink.yield($0) }
        defer { vault.release() }
        let key = try await made(id, .es256, by: running.signer)
        let (name, input) = (SignerKeyName(of: key.publicKey), RunningAgent.input(id, .es256))
        @Sendable func isRefused() async -> Bool {
            do throws(SigningError) {
                return !key.accepts(try await running.signer.signature(over: input, by: name), over: input)
            } catch {
                return error == .signerUnavailable
            }
        }
        var (news, seen) = (events.makeAsyncIterator(), vault.seen.makeAsyncIterator())
        #expect(await isRefused())
        #expect(await seen.next() == 1)
        #expect(await news.next() == .silent)
        #expect(await news.next() == .greets)
        async let trial = isRefused()
        #expect(await seen.next() == 2)
        #expect(await isRefused(), "beside the trial")
        #expect(await trial)
        vault.release()
        #expect(await news.next() == .greets, "it was silent all the time, and that is logged once")
        #expect(await !isRefused())
        #expect(await news.next() == .answers)
        #expect(await seen.next() == 3, "the request beside the trial did not reach the signer")
        // As many at once as before.
        let refused = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<50 { group.addTask { await isRefused() } }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(refused == 0)
    }

    @Test func `While one request tries a signer, the next one fails at once`() async {
        var queue = SignerQueue(deadline: .seconds(1), connections: 1)
        let name = SignerKeyName(of: .p256(P256.Signing.PrivateKey().publicKey))
        _ = queue.silence()
        _ = queue.greet()
        var refusals: [Bool] = []
        _ = await withCheckedContinuation { (waiter: CheckedContinuation<Result<[UInt8], SigningError>, Never>) in
            for _ in 0..<2 {
                let now = MonotonicTime.present
                let request = SignerQueue.Request(key: name, input: [1], end: now + .seconds(1), waiter: waiter)
                if case .refused = queue.add(request, at: now) { refusals.append(true) } else { refusals.append(false) }
            }
            waiter.resume(returning: .failure(.signerUnavailable))
        }
        #expect(refusals == [false, true])
    }

    @Test func `More than a slow signer can do fails alone, and the rest is signed`() async throws {
        let (vault, id) = (try SlowVault(), try keyID())
        let events = Mutex<[AgentSigner.Event]>([])
        let running = try RunningAgent(vault: vault, deadline: .seconds(2)) { event in
            events.withLock { $0.append(event) }
        }
        let key = try await made(id, .es256, by: running.signer)
        let (name, input) = (SignerKeyName(of: key.publicKey), RunningAgent.input(id, .es256))
        let signed = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<4_000 {
                group.addTask { (try? await running.signer.signature(over: input, by: name)) != nil }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect((100..<4_000).contains(signed), "\(signed)")
        #expect(events.withLock { $0 } == [], "it has much to do and does not hang")
    }

    @Test func `A key for which no peer waits any more is deleted again`() async throws {
        let vault = try LateVault()
        let (running, id) = (try RunningAgent(vault: vault, deadline: .milliseconds(300)), try keyID())
        await #expect(throws: SigningError.signerUnavailable) { try await running.signer.makeKey(id, .es256) }
        vault.released.signal()
        let key = try await made(id, .es256, by: running.signer)
        for _ in 0..<100_000 where running.agent.keyCount > 1 { await Task.yield() }
        #expect(running.agent.keyCount == 1)
        #expect(try await running.signer.keys().map(\.name) == [SignerKeyName(of: key.publicKey)])
    }

    @Test func `A socket that another agent has bound by now is not removed`() throws {
        let folder = try TemporaryFolder()
        let first = try SignerSocket(at: folder.path + "/s", group: nil)
        unlink(folder.path + "/s")
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

    @Test func `A socket where another listens, or a file, is not replaced`() throws {
        let running = try RunningAgent()
        #expect(throws: VaultError.self) { try SignerSocket(at: running.path, group: nil) }
        let file = running.folder.path + "/file"
        close(open(file, O_CREAT | O_WRONLY, 0o600))
        #expect(throws: VaultError.self) { try SignerSocket(at: file, group: nil) }
        #expect(try running.folder.mode(of: "s") == 0o600)
    }
}

/// Keeps its first key for longer than a request waits.
private final class LateVault: KeyVault {
    private let vault: FileVault
    private let isFirst = Mutex(true)
    /// Lets the first key be kept.
    let released = DispatchSemaphore(value: 0)

    init() throws { vault = try FileVault(path: nil, encryption: nil) }

    var place: String { vault.place }
    func keys() throws(VaultError) -> [VaultKey] { try vault.keys() }
    func generate(_ algorithm: SigningAlgorithm, at now: Timestamp) throws(VaultError) -> VaultKey {
        try vault.generate(algorithm, at: now)
    }
    func keep(_ key: VaultKey) throws(VaultError) {
        let isFirst = isFirst.withLock { isFirst in
            defer { isFirst = false }
            return isFirst
        }
        if isFirst { released.wait() }
        try vault.keep(key)
    }
    func delete(_ key: VaultKey) throws(VaultError) { try vault.delete(key) }
    func sign(_ inputs: [[UInt8]], with key: VaultKey) throws(VaultError) -> [[UInt8]] {
        try vault.sign(inputs, with: key)
    }
}

/// Signs nothing until it is released.
private final class StuckVault: KeyVault {
    private let vault: FileVault
    private let gate = DispatchSemaphore(value: 0)
    private let count = Mutex(0)
    /// How many inputs have come, after each question.
    let seen: AsyncStream<Int>
    private let sink: AsyncStream<Int>.Continuation

    init() throws {
        vault = try FileVault(path: nil, encryption: nil)
        (seen, sink) = AsyncStream.makeStream()
    }

    /// Lets everything be signed from now on.
    func release() { gate.signal() }

    var place: String { vault.place }
    func keys() throws(VaultError) -> [VaultKey] { try vault.keys() }
    func generate(_ algorithm: SigningAlgorithm, at now: Timestamp) throws(VaultError) -> VaultKey {
        try vault.generate(algorithm, at: now)
    }
    func keep(_ key: VaultKey) throws(VaultError) { try vault.keep(key) }
    func delete(_ key: VaultKey) throws(VaultError) { try vault.delete(key) }
    func sign(_ inputs: [[UInt8]], with key: VaultKey) throws(VaultError) -> [[UInt8]] {
        sink.yield(
            count.withLock { count in
                count += inputs.count
                return count
            })
        gate.wait()
        gate.signal()
        return try vault.sign(inputs, with: key)
    }
}

/// Takes a tenth of a second for each question.
private final class SlowVault: KeyVault {
    private let vault: FileVault

    init() throws { vault = try FileVault(path: nil, encryption: nil) }

    var place: String { vault.place }
    func keys() throws(VaultError) -> [VaultKey] { try vault.keys() }
    func generate(_ algorithm: SigningAlgorithm, at now: Timestamp) throws(VaultError) -> VaultKey {
        try vault.generate(algorithm, at: now)
    }
    func keep(_ key: VaultKey) throws(VaultError) { try vault.keep(key) }
    func delete(_ key: VaultKey) throws(VaultError) { try vault.delete(key) }
    func sign(_ inputs: [[UInt8]], with key: VaultKey) throws(VaultError) -> [[UInt8]] {
        _ = DispatchSemaphore(value: 0).wait(timeout: .now() + .milliseconds(100))
        return try vault.sign(inputs, with: key)
    }
}
