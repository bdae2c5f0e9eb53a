import Foundations
public import HTTPTypes
import LosslessJSON
import Synchronization
public import TesseraClient

/// An API with sessions in this process: it signs in, answers, refreshes and signs out as an application of Tessera or
/// SuperTokens does, and fails when a test says so.
///
/// Its routes: `POST /login` with the user id as its body, `GET /me`, `POST /payload` (a new access token), `POST
/// /auth/session/refresh`, `POST /auth/signout`, `POST /auth/session/revoke`.
public final class ScriptedServer: ClientTransport {
    /// What happens to one request.
    public enum Fault: Sendable, Equatable {
        /// It does not arrive.
        case lost
        /// It arrives, and its response is lost.
        case unanswered
        /// The body of its response ends after this number of bytes.
        case cut(Int)
        /// It takes so long.
        case delay(Duration)
        /// Something on the way answers this status, and the request does not arrive.
        case status(Int)
        /// Something on the way redirects it to this address.
        case redirect(String)
        /// It is answered without these fields.
        case stripped([String])
        /// The connection is not safe.
        case insecure
    }

    /// When a refresh token is superseded.
    public enum Rotation: Sendable {
        /// When its successor, or the access token that came with it, is used first.
        case atFirstUse
        /// When it is used; after so long the same token is theft.
        case atOnce(grace: Duration)
    }

    /// Which requests have to prove the key that their session is bound to (RFC 9449).
    public enum Proofs: Sendable {
        /// None; what clients prove is read over.
        case off
        /// Refreshes of sessions that were begun with a proof.
        case accept
        /// The same, and their calls.
        case everyCall
    }

    /// What the server has seen and done.
    public struct Record: Sendable {
        /// Refreshes that arrived.
        public var refreshes = 0
        /// When refreshes were sent, by the steady clock, whether they arrived or not.
        public var attempts: [Int64] = []
        /// Requests that arrived, all kinds.
        public var requests: [HTTPRequest] = []
        /// Sessions that ended, and how.
        public var ended: [String: String] = [:]
        /// Requests to other origins.
        public var foreign: [HTTPRequest] = []
        /// Every token that was given out.
        public var tokens: Set<String> = []
        /// What was answered for want of a proof, such as `use_dpop_nonce`.
        public var refusedProofs: [String] = []
    }

    struct Model {
        var record = Record()
        var sessions: [String: ServedSession] = [:]
        var count = 0
        var fault: (@Sendable (HTTPRequest, Int) -> Fault?)?
        var meanwhile: (@Sendable (HTTPRequest) async -> Void)?
        var revokes = true
        var proofs = Proofs.off
        var asksForNonce = false
        var seenProofs: Set<String> = []
    }

    let origin: String
    let clock: TestClock
    let life: Duration
    let rotation: Rotation
    let model = Mutex(Model())
    private let requests = Mutex(0)

    /// Starts a server.
    ///
    /// - Parameters:
    ///   - origin: scheme and authority of the API.
    ///   - clock: the server's clocks; its wall clock is right.
    ///   - life: for how long an access token is accepted.
    ///   - rotation: when a refresh token is superseded.
    public init(
        origin: String = "https://api.example.com", clock: TestClock, life: Duration = .seconds(3_600),
        rotation: Rotation = .atFirstUse
    ) {
        (self.origin, self.clock, self.life, self.rotation) = (origin, clock, life, rotation)
    }

    /// What the server has seen and done.
    public var record: Record { model.withLock { $0.record } }

    /// Decides what happens to each request, by the request and its number.
    public func setFault(_ fault: (@Sendable (HTTPRequest, Int) -> Fault?)?) { model.withLock { $0.fault = fault } }

    /// Does something after a request was answered and before its response arrives.
    public func setMeanwhile(_ work: (@Sendable (HTTPRequest) async -> Void)?) {
        model.withLock { $0.meanwhile = work }
    }

    /// Whether the server can end a session by its refresh token, as Tessera's can and SuperTokens' cannot.
    public func setRevokes(_ revokes: Bool) { model.withLock { $0.revokes = revokes } }

    /// Which requests have to prove the key of their session from now on.
    ///
    /// - Parameters:
    ///   - proofs: which.
    ///   - asksForNonce: whether a proof without a nonce is answered with one, whatever its time is.
    public func setProofs(_ proofs: Proofs, asksForNonce: Bool = false) {
        model.withLock { ($0.proofs, $0.asksForNonce) = (proofs, asksForNonce) }
    }

    /// Ends all sessions of the server.
    public func endAll() {
        model.withLock { model in
            for name in model.sessions.keys { model.end(name, "revoked") }
        }
    }

    public func send(
        _ request: HTTPRequest, body: RequestBody, timeout: Duration
    ) async throws(TransportFailure) -> TransportReply {
        await Task.yield()
        if Task.isCancelled { throw TransportFailure(.cancelled, "cancelled") }
        guard "\(request.scheme ?? "")://\(request.authority ?? "")" == origin else {
            model.withLock { $0.record.foreign.append(request) }
            return TransportReply(head: HTTPResponse(status: .ok), bytes: Array("elsewhere".utf8))
        }
        let bytes = await Self.contents(body)
        let number = requests.withLock { count in
            defer { count += 1 }
            return count
        }
        if request.path == "/auth/session/refresh" { model.withLock { $0.record.attempts.append(clock.steady) } }
        let fault = model.withLock { $0.fault }?(request, number)
        switch fault {
        case .lost: throw TransportFailure(.transient, "lost")
        case .insecure: throw TransportFailure(.insecure, "the certificate is another one's")
        case .status(let code): return TransportReply(head: HTTPResponse(status: .init(code: code)))
        case .redirect(let place):
            var head = HTTPResponse(status: .init(code: 307))
            head.headerFields[.location] = place
            return TransportReply(head: head)
        case .delay(let duration): clock.advance(by: duration)
        default: break
        }
        let (head, text) = answer(request, bytes)
        await model.withLock { $0.meanwhile }?(request)
        return try Self.damaged(head, text, fault)
    }

    private static func contents(_ body: RequestBody) async -> [UInt8] {
        guard let parts = body.parts else { return [] }
        return (try? await TransportReply(head: HTTPResponse(status: .ok), body: parts).bytes(limit: 1 << 20)) ?? []
    }

    /// The response as it arrives.
    private static func damaged(
        _ head: HTTPResponse, _ text: String, _ fault: Fault?
    ) throws(TransportFailure) -> TransportReply {
        var head = head
        switch fault {
        case .unanswered: throw TransportFailure(.transient, "the answer was lost")
        case .cut(let count):
            let part = Array(text.utf8.prefix(count))
            return TransportReply(
                head: head,
                body: AsyncThrowingStream<[UInt8], any Error> { continuation in
                    continuation.yield(part)
                    continuation.finish(throwing: TransportFailure(.transient, "the answer was cut"))
                })
        case .stripped(let names):
            for name in names.compactMap({ HTTPField.Name($0) }) { head.headerFields[name] = nil }
        default: break
        }
        return TransportReply(head: head, bytes: Array(text.utf8))
    }
}
