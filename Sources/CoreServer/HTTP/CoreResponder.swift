import CoreDriverInterface
import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore

/// Turns a Hummingbird request into a value and the value of the reply into a Hummingbird response.
///
/// No rule of the core is in here.
struct CoreResponder: HTTPResponder {
    /// What Hummingbird gives to a request beside it; the core needs none of it.
    struct Context: InitializableFromSource {
        init(source: ApplicationRequestContextSource) {}
    }

    let api: CoreAPI

    func respond(to request: Request, context: Context) async throws -> Response {
        let limit = CoreAPI.maximumBodyLength
        let announced = request.headers[.contentLength].flatMap(Int.init) ?? 0
        guard announced <= limit, let body = await collect(request.body, upTo: limit) else {
            var response = response(to: request, CoreReply(InvalidRequest(.bodyTooLarge)))
            // The rest of the body is not wanted; the connection's guard closes it.
            response.headers[.connection] = "close"
            return response
        }
        let value = CoreRequest(
            method: request.method.rawValue, path: request.uri.path, query: request.uri.query,
            version: request.headers[named: "cdi-version"], apiKey: request.headers[named: "api-key"],
            authorization: request.headers[.authorization], ifNoneMatch: request.headers[.ifNoneMatch], body: body)
        return response(to: request, await api.respond(to: value))
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
