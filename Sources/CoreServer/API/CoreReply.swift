import CoreDriverInterface
public import Foundations
public import LosslessJSON
import OperatorMetrics

/// A reply as a value; it prints as `<redacted>`, because its body may have tokens.
public struct CoreReply: Sendable, Redacted {
    /// The HTTP status.
    public var status: Int
    /// The exact `Content-Type`.
    public var contentType: String
    /// Further headers.
    public var headers: [(name: String, value: String)] = []
    /// The body.
    public var body: [UInt8]
    /// What the status does not say: a verdict, or a limit that was met.
    private var verdict: OutcomeLabel?

    /// How the request was answered.
    var outcome: OutcomeLabel { verdict ?? OutcomeLabel(status: status) }

    /// The same reply with what its status does not say.
    func meaning(_ verdict: OutcomeLabel) -> CoreReply {
        var reply = self
        reply.verdict = verdict
        return reply
    }

    private static let lineBreak = UInt8(ascii: "\n")

    /// A JSON document, status 200.
    public static func json(_ object: JSONObject) -> CoreReply {
        var body: [UInt8] = []
        body.reserveCapacity(1024)
        object.write(into: &body)
        body.append(lineBreak)
        return CoreReply(status: 200, contentType: "application/json;charset=UTF-8", body: body)
    }

    /// What the caller has is still right.
    static let notModified = CoreReply(status: 304, contentType: "application/json;charset=UTF-8", body: [])

    /// A text.
    public static func text(_ status: Int, _ text: String) -> CoreReply {
        CoreReply(status: status, contentType: "text/html;charset=UTF-8", body: Array(text.utf8) + [lineBreak])
    }

    /// A text that is never read as HTML, whatever it contains.
    static func plain(_ status: Int, _ text: String) -> CoreReply {
        CoreReply(status: status, contentType: plainType, body: Array(text.utf8) + [lineBreak])
    }

    /// A status and nothing else.
    static func empty(_ status: Int) -> CoreReply { CoreReply(status: status, contentType: plainType, body: []) }

    /// The page of metrics.
    static func metrics(_ text: String) -> CoreReply {
        CoreReply(status: 200, contentType: MetricFormat.prometheus.contentType, body: Array(text.utf8))
    }

    private static let plainType = "text/plain;charset=UTF-8"

    /// The page for an address that may not ask; cores leave it to their container, whose charset is lowercase.
    static let denied = CoreReply(
        status: 403, contentType: "text/html;charset=utf-8",
        body: Array("<!doctype html><title>403</title><p>This address may not use this core.</p>\n".utf8))

    /// Server-sent events; nothing on the way may keep them back.
    static func events(_ bytes: [UInt8]) -> CoreReply {
        var reply = CoreReply(status: 200, contentType: "text/event-stream", body: bytes)
        reply.headers = [("Cache-Control", "no-store"), ("X-Accel-Buffering", "no")]
        return reply
    }

    /// A document that says only how it went.
    static func status(_ status: String) -> CoreReply { .json(["status": .string(status)]) }

    /// A list.
    static func list(_ table: ReplyTable<ListReply>, _ objects: JSONObjects) -> CoreReply {
        var reply = ListReply()
        reply.objects = objects
        return .json(table.encode(reply))
    }

    /// Yes or no.
    static func choice(_ table: ReplyTable<ChoiceReply>, _ isSo: Bool) -> CoreReply {
        var reply = ChoiceReply()
        reply.isSo = isSo
        return .json(table.encode(reply))
    }

    /// The session has ended or never was; the driver signs the user out.
    static func unauthorised(_ message: String) -> CoreReply {
        var reply = TextReply()
        reply.text = message
        return .json(Catalogue.unauthorised.encode(reply)).meaning(.unauthorised)
    }

    /// Nothing is given and no client accused; drivers make an error of it, and no client loses its cookies.
    static var tooLate: CoreReply {
        var reply = text(503, WireText.tooLate)
        reply.headers.append(("Retry-After", "1"))
        return reply.meaning(.tooLate)
    }

    /// The session is bound to the device of a browser, which lacks its cookie for the moment: it may try again.
    ///
    /// - Parameter isKnown: whether the caller has sent `tessera-dbsc` and knows this answer; a 503 would have it ask other cores.
    static func deviceNotYet(isKnown: Bool) -> CoreReply {
        isKnown ? json(Catalogue.deviceNotYet.encode(StatusReply())).meaning(.tooLate) : tooLate
    }

    /// The session is bound to a key, and nothing was given: the client may prove it (RFC 9449 sections 5 and 8).
    static func proofNeeded(nonce: String?) -> CoreReply {
        var reply = json(Catalogue.proofNeeded.encode(ProofReply(nonce: nonce)))
        reply.status = 400
        return reply
    }

    /// The answer to a caller's mistake.
    init(_ mistake: InvalidRequest) {
        self = mistake.quotesCaller ? .plain(mistake.status, mistake.text) : .text(mistake.status, mistake.text)
    }

    private init(status: Int, contentType: String, body: [UInt8]) {
        self.status = status
        self.contentType = contentType
        self.body = body
    }
}
