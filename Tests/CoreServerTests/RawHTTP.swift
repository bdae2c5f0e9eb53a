import CoreServer
import Foundation
import TestSupport

/// A reply as a test sees it.
struct SeenReply: Sendable, Equatable {
    var status: Int
    var contentType: String?
    var headers: [String: String]
    var body: String
}

/// A socket client that sends exactly the bytes it is given; one connection a request.
struct RawHTTP: Sendable {
    let port: Int

    struct Failure: Error {
        let what: String
    }

    /// Sends a request and reads the reply to its end.
    func send(_ request: CoreRequest) async throws -> SeenReply {
        let target = request.path + (request.query.map { "?" + $0 } ?? "")
        var head = "\(request.method) \(target) HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        let headers = [
            ("cdi-version", request.version), ("api-key", request.apiKey), ("Authorization", request.authorization),
            ("Accept", request.accept), ("Last-Event-ID", request.lastEventID),
            ("tessera-actor", request.actor), ("tessera-activity", request.activity),
            ("tessera-session-policy", request.policy), ("tessera-client-address", request.client.address),
            ("Tessera-Client-User-Agent", request.client.userAgent), ("tessera-client-hints", request.client.hints),
            ("tessera-client-label", request.client.label), ("tessera-client-country", request.client.country),
            ("tessera-dbsc", request.device),
        ]
        for case (let name, let value?) in headers { head += "\(name): \(value)\r\n" }
        if !request.body.isEmpty { head += "Content-Length: \(request.body.count)\r\n" }
        let bytes = try await RawSocket(port: port).exchange(Array((head + "\r\n").utf8) + request.body)
        do {
            return try Self.parse(bytes)
        } catch let failure as Failure {
            throw Failure(
                what: "\(failure.what) to \(head) \(String(decoding: request.body.prefix(300), as: UTF8.self))")
        }
    }

    private static func parse(_ bytes: [UInt8]) throws -> SeenReply {
        guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { throw Failure(what: "no head in reply") }
        let lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
        let words = lines[0].split(separator: " ")
        guard words.count > 1, let status = Int(words[1]) else { throw Failure(what: "no status in reply") }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces) }
        }
        let body = String(decoding: bytes[end.upperBound...], as: UTF8.self)
        return SeenReply(status: status, contentType: headers["content-type"], headers: headers, body: body)
    }
}
