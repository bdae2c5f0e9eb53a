import Foundations
import LosslessJSON
import SessionEngine
import SessionService
import Synchronization
import TesseraSessions
import TesseraTesting

@testable import TesseraRemoteCore

/// Cores that answer as a test wants, and note what they were asked.
final class ScriptedCore: CoreTransport {
    typealias Script = @Sendable (CoreRequest) throws -> CoreResponse?

    private struct State {
        var requests: [CoreRequest] = []
        var waits: [Int64] = []
    }

    private let state = Mutex(State())
    private let script: Script

    init(_ script: @escaping Script) {
        self.script = script
    }

    /// What the cores were asked but for their versions.
    var requests: [CoreRequest] {
        state.withLock { $0.requests.filter { !$0.url.contains("/apiversion") } }
    }
    var versionRequests: [CoreRequest] { state.withLock { $0.requests.filter { $0.url.contains("/apiversion") } } }
    var waits: [Int64] { state.withLock { $0.waits } }

    func send(_ request: CoreRequest, limit _: Int) async throws(CoreTransportError) -> CoreResponse {
        state.withLock { $0.requests.append(request) }
        do {
            if let answer = try script(request) { return answer }
        } catch let error as CoreTransportError {
            throw error
        } catch {
            throw .unknownOutcome("\(error)")
        }
        return request.url.contains("/apiversion")
            ? .json(["versions": ["2.7", "5.2", "5.4"]]) : .json(["status": "OK"])
    }

    /// A backend on these cores.
    func backend(
        _ uri: String? = "http://one.test", clock: VirtualClock = VirtualClock(),
        keyLife: Milliseconds = .seconds(14_400), feed: FeedOption = .off
    ) throws -> RemoteCore {
        try RemoteCore(
            connectionURI: uri, apiKey: "key", app: AppInfo(name: "Test", apiDomain: "https://api.test"),
            keyLife: keyLife, keyStaleness: .seconds(86_400), feed: feed, transport: self,
            clock: ClockAndRandomness(time: { clock.time }, randomBits: ClockAndRandomness.system.randomBits),
            steady: { MonotonicTime(nanoseconds: clock.time.milliseconds * 1_000_000) },
            wait: { milliseconds in self.state.withLock { $0.waits.append(milliseconds) } })
    }
}

extension CoreResponse {
    static func json(_ object: JSONObject, status: Int = 200, maxAge: Int64? = nil) -> CoreResponse {
        CoreResponse(status: status, maxAgeSeconds: maxAge, body: object.serialized())
    }
}

extension CoreRequest {
    func field(_ name: String) -> String? { fields.first { $0.name == name }?.value }
}
