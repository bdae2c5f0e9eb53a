import CoreConfiguration
import Foundations
import OperatorTracing
import SessionDoctor

/// A collector that takes OTLP's JSON by HTTP: a connection for each export, by `https` through the system's curl.
struct TraceCollector: SpanReceiver {
    private let address: WebAddress
    /// The whole time that an export may take.
    private static let timeout = Milliseconds(3_000)
    private static let type = "application/json"

    /// Names a collector.
    ///
    /// - Throws: ``Failure`` for an address that cannot be asked.
    init(_ address: TraceCollectorAddress) throws {
        guard let known = WebAddress(address.text) else {
            throw Failure("tracing: \(address.text) is no address that can be asked")
        }
        self.address = known
    }

    var place: String { address.text }

    func send(_ request: [UInt8]) async -> ExportOutcome {
        let outcome = address.scheme == "https" ? await sendByCurl(request) : await sendPlainly(request)
        switch outcome {
        case .reply(let status): return Self.outcome(of: status, at: place)
        case .failure(let failure):
            let reason = "\(place): \(failure)"
            // Whatever is sent again after an unknown outcome would be there twice.
            return failure == .refused || failure == .unknownName ? .unreachable(reason) : .refused(reason)
        }
    }

    private enum Answer { case reply(Int), failure(ProbeFailure) }

    /// What a status means (OTLP specification, failures): a few may be tried again.
    static func outcome(of status: Int, at place: String) -> ExportOutcome {
        switch status {
        case 200..<300: .taken
        case 429, 502, 503, 504: .unreachable("\(place) answers \(status)")
        default: .refused("\(place) answers \(status)")
        }
    }

    private func sendPlainly(_ body: [UInt8]) async -> Answer {
        var request = ProbeRequest("POST", address, [HeaderField("Content-Type", Self.type)])
        request.body = String(decoding: body, as: UTF8.self)
        let transport = ProbeTransport(timeout: Self.timeout)
        switch await PlainProbe(transport).send(request) {
        case .reply(let reply): return .reply(reply.status)
        case .failure(let failure): return .failure(failure)
        }
    }

    /// The body goes through a pipe: nothing but the address is on the command line.
    private func sendByCurl(_ body: [UInt8]) async -> Answer {
        let words = [
            "curl", "-q", "--silent", "--max-time", String(Self.timeout.count / 1_000), "--output", "/dev/null",
            "--write-out", "%{http_code}", "--header", "Content-Type: \(Self.type)", "--header", "Expect:",
            "--data-binary", "@-", "--url", place,
        ]
        return await OwnThread.run(orElse: .failure(.transport("the system gives no thread"))) {
            guard let ended = PipedCommand.run(words, input: String(decoding: body, as: UTF8.self)) else {
                return .failure(.transport("https is sent with the system's 'curl', which is not installed"))
            }
            guard ended.status == 0, let status = Int(ended.output), status > 0 else {
                return .failure(CurlProbe.failure(ended.status))
            }
            return .reply(status)
        }
    }
}
