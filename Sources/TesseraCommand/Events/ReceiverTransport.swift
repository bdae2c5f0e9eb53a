import Foundations
import SessionDoctor
import SessionEngine
import SessionService

/// Posts tokens to receivers: a connection for each, by `https` through the system's curl.
///
/// It goes where the operator's file says and nowhere else: no redirect is followed and no proxy is used. Nothing of a request is
/// on a command line.
struct ReceiverTransport: EventSender {
    /// The whole time that a receiver has for its answer.
    private static let timeout = Milliseconds.seconds(10)
    private static let transport = ProbeTransport(timeout: timeout)

    func send(_ token: String, to stream: EventStream) async -> PushReply {
        guard let request = Self.request(token, stream) else { return .failed("its address cannot be used") }
        let outcome: ProbeOutcome
        if request.address.scheme == "https" {
            outcome = await OwnThread.run(orElse: .failure(.transport("the system gives no thread"))) {
                CurlProbe(Self.transport).send(request)
            }
        } else {
            outcome = await PlainProbe(Self.transport).send(request)
        }
        switch outcome {
        case .failure(let failure): return .failed("no answer: \(failure)")
        case .reply(let reply):
            let span = reply.value("retry-after").flatMap { Int64($0) }.map { Milliseconds.seconds(max(0, $0)) }
            return .answered(status: reply.status, body: Array(reply.body.utf8), retryAfter: span)
        }
    }

    private static func request(_ token: String, _ stream: EventStream) -> ProbeRequest? {
        guard let text = stream.address, let address = WebAddress(text) else { return nil }
        let isLogout = stream.method == .backchannelLogout
        var request = ProbeRequest(
            "POST", address,
            [
                HeaderField(
                    "Content-Type", isLogout ? "application/x-www-form-urlencoded" : "application/secevent+jwt"),
                HeaderField("Accept", "application/json"),
            ])
        if let query = text.firstIndex(of: "?") { request.query = String(text[text.index(after: query)...]) }
        if let authorization = stream.authorization {
            request.fields.append(HeaderField("Authorization", authorization))
        }
        // The characters of a token mean themselves in a form.
        request.body = isLogout ? "logout_token=\(token)" : token
        return request
    }
}
