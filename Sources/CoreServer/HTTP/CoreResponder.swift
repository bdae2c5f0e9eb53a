import CoreDriverInterface
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import SessionStorage

/// Turns a Hummingbird request into a value and the value of the reply into a Hummingbird response.
///
/// No rule of the core is in here.
struct CoreResponder: HTTPResponder {
    /// What the core takes of what Hummingbird gives to a request beside it.
    struct Context: InitializableFromSource {
        private let channel: any Channel

        init(source: ApplicationRequestContextSource) { channel = source.channel }

        /// The address of the other end.
        var peerAddress: String? { channel.remoteAddress?.ipAddress }
    }

    let api: CoreAPI

    func respond(to request: Request, context: Context) async throws -> Response {
        if let peers = api.settings.peers, !peers.admits(context.peerAddress) { return closing(request, .denied) }
        let version = request.headers[named: "cdi-version"]
        log("API called", request, version: version)
        defer { log("API ended", request) }
        let limit = CoreAPI.maximumBodyLength
        let announced = request.headers[.contentLength].flatMap(Int.init) ?? 0
        guard announced <= limit, let body = await collect(request.body, upTo: limit) else {
            return closing(request, CoreReply(InvalidRequest(.bodyTooLarge)))
        }
        let value = CoreRequest(
            method: request.method.rawValue, path: request.uri.path, query: request.uri.query,
            version: version, apiKey: request.headers[named: "api-key"],
            authorization: request.headers[.authorization], ifNoneMatch: request.headers[.ifNoneMatch], body: body)
        let reply = await api.respond(to: value)
        Failpoint.reach("reply.made")
        return response(to: request, reply)
    }

    /// Says what was asked, at the level for details: the query and the body may tell who a user is and are left out.
    private func log(_ what: String, _ request: Request, version: String? = nil) {
        api.logger.debug(
            "\(what): \(request.uri.path). Method: \(request.method.rawValue)\(version.map { ". Version: \($0)" } ?? "")"
        )
    }

    /// The last reply on a connection; the rest of the body is not wanted and the connection's guard closes it.
    private func closing(_ request: Request, _ reply: CoreReply) -> Response {
        var response = response(to: request, reply)
        response.headers[.connection] = "close"
        return response
    }

    /// The whole body, or `nil` when it is longer than the limit or ends before it should.
    private func collect(_ body: RequestBody, upTo limit: Int) async -> [UInt8]? {
        guard let buffer = try? await body.collect(upTo: limit) else { return nil }
        return Array(buffer.readableBytesView)
    }

    private func response(to request: Request, _ reply: CoreReply) -> Response {
        var headers = HTTPFields()
        headers[.contentType] = reply.contentType
        // Replies hold tokens: no cache may keep them (RFC 6749 section 5.1), except where the reply says how long.
        headers[.cacheControl] = "no-store"
        for header in reply.headers {
            if let name = HTTPField.Name(header.name) { headers[name] = header.value }
        }
        let body = request.method == .head ? ResponseBody() : ResponseBody(byteBuffer: ByteBuffer(bytes: reply.body))
        return Response(status: HTTPResponse.Status(code: reply.status), headers: headers, body: body)
    }
}

extension HTTPFields {
    /// The value of a header by its name in lower case.
    fileprivate subscript(named name: String) -> String? {
        HTTPField.Name(parsed: name).flatMap { self[$0] }
    }
}
