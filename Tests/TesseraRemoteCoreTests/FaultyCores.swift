import Foundations
import LosslessJSON
import SessionEngine
import Synchronization
import TesseraInProcess
import TesseraSessions
import TesseraTesting

@testable import TesseraRemoteCore

/// Cores with faults, in virtual time: waiting for one moves the clock, and nothing else does.
final class FaultyCores: CoreTransport {
    /// What a core does with a request.
    enum Mode: Sendable, Equatable {
        case good, refuse, hang, reset
        /// Answers after so many milliseconds.
        case slow(Int64)
        case status(Int, retryAfter: Int64? = nil)
        /// 200 with something that is no answer of a core.
        case nonsense
        /// Takes the request and keeps it until ``FaultyCores/open()``; no time passes.
        case closed
    }

    struct Asked: Sendable, Equatable {
        var host: String
        var path: String
        var timeout: Int64?
        var at: Timestamp
    }

    private struct State {
        var modes: [String: Mode] = [:]
        var asked: [Asked] = []
        var waits: [Int64] = []
        var keys: JSONValue
        var gates: [CheckedContinuation<Void, Never>] = []
        var underWay = 0
        var mostUnderWay = 0
    }

    let clock: VirtualClock
    private let state: Mutex<State>

    init(_ clock: VirtualClock, keys: JSONValue = .array([])) {
        self.clock = clock
        state = Mutex(State(keys: keys))
    }

    var asked: [Asked] { state.withLock { $0.asked } }
    var waits: [Int64] { state.withLock { $0.waits } }
    /// How often each kind of path was asked for.
    func count(_ part: String) -> Int { asked.count { $0.path.contains(part) } }
    /// The most requests for keys that were under way at one time.
    var mostUnderWay: Int { state.withLock { $0.mostUnderWay } }
    func set(_ mode: Mode, of host: String = "one") { state.withLock { $0.modes[host] = mode } }
    func publish(_ keys: JSONValue) { state.withLock { $0.keys = keys } }
    func forget() { state.withLock { ($0.asked, $0.waits) = ([], []) } }

    /// Lets all go on that ``Mode/closed`` keeps.
    func open() {
        for gate in state.withLock({ state in
            defer { state.gates = [] }
            return state.gates
        }) { gate.resume() }
    }

    /// Whether a request is being kept.
    var isKeeping: Bool { state.withLock { !$0.gates.isEmpty } }

    func send(_ request: CoreRequest, limit _: Int) async throws(CoreTransportError) -> CoreResponse {
        let parts = request.url.split(separator: "/", maxSplits: 2)
        let host = String(parts[1].prefix { $0 != "." })
        let mode = state.withLock { state in
            let path = "/" + (parts.count > 2 ? parts[2] : "")
            state.asked.append(
                Asked(host: host, path: path, timeout: request.timeout?.count, at: clock.time))
            state.underWay += 1
            state.mostUnderWay = max(state.mostUnderWay, state.underWay)
            return state.modes[host] ?? .good
        }
        defer { state.withLock { $0.underWay -= 1 } }
        let limit = request.timeout?.count ?? 10_000
        switch mode {
        case .good: return answer(request)
        case .refuse: throw .notSent("refused")
        case .reset: throw .unknownOutcome("reset")
        case .hang:
            clock.advance(by: .milliseconds(limit))
            throw .unknownOutcome("no answer within \(limit) ms")
        case .slow(let span):
            clock.advance(by: .milliseconds(min(span, limit)))
            if span > limit { throw .unknownOutcome("no answer within \(limit) ms") }
            return answer(request)
        case .status(let status, let seconds):
            return CoreResponse(status: status, retryAfterSeconds: seconds, body: Array("not now".utf8))
        case .nonsense: return CoreResponse(status: 200, body: Array("<html>".utf8))
        case .closed:
            await withCheckedContinuation { gate in state.withLock { $0.gates.append(gate) } }
            return answer(request)
        }
    }

    private func answer(_ request: CoreRequest) -> CoreResponse {
        if request.url.contains("/apiversion") { return .json(["versions": ["5.4"]]) }
        if request.url.contains("jwks.json") { return .json(["keys": state.withLock { $0.keys }]) }
        return .json(["status": "UNAUTHORISED"])
    }

    /// A backend on the named hosts.
    func backend(_ hosts: [String] = ["one"], keyLife: Milliseconds = .seconds(100)) throws -> RemoteCore {
        try RemoteCore(
            connectionURI: hosts.map { "http://\($0).test" }.joined(separator: ";"),
            apiKey: "key", app: AppInfo(name: "Test", apiDomain: "https://api.example.com"), keyLife: keyLife,
            keyStaleness: .seconds(1_000), transport: self,
            clock: ClockAndRandomness(time: { [clock] in clock.time }, randomBits: { 0 }),
            wait: { [self] span in
                state.withLock { $0.waits.append(span) }
                clock.advance(by: .milliseconds(span))
            })
    }
}

/// Sessions whose tokens another set of keys signed, one after the other.
struct KeyChanges {
    let clock: VirtualClock
    let cores: FaultyCores

    init() {
        clock = VirtualClock()
        cores = FaultyCores(clock)
    }

    /// A new set of keys, and a token of it; the cores publish it unless it is to be unknown.
    func token(isPublished: Bool = true) async throws -> PresentedAccessToken {
        // Keys are named by the millisecond in which they are made.
        clock.advance(by: .milliseconds(1))
        let made = try await TestSessions(clock: clock)
        if isPublished { cores.publish(try await made.backend.publishedKeys().keys) }
        return PresentedAccessToken(accessToken: try await made.signIn("u").session.accessToken)
    }
}
