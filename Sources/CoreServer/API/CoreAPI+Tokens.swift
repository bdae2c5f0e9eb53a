import CoreDriverInterface
import Crypto
import Foundations
import LosslessJSON
import SessionEngine
import SessionService

extension CoreAPI {
    /// The public JWK Set, with how long it may be kept and a validator for asking again (RFC 9110 8.8.3).
    func publishKeys(_ call: Call) async throws -> CoreReply {
        let published = try await service.publishedKeys()
        var reply = CoreReply.list(Catalogue.keysPublished, JSONObjects(values: published.keys))
        let validator = "\"\(Hex.encode(SHA256.hash(data: reply.body).prefix(16)))\""
        if call.request.holds(validator) { reply = .notModified }
        reply.headers.append(("Cache-Control", "max-age=\(published.maxAgeSeconds), must-revalidate"))
        reply.headers.append(("ETag", validator))
        return reply
    }

    func listKeys() async throws -> CoreReply {
        .list(Catalogue.keysListed, JSONObjects(values: try await service.publishedKeys().keys))
    }

    /// Signs an application-signed JWT (docs/specification/core.md 1.7).
    func createToken(_ call: Call) async throws -> CoreReply {
        let request = try call.decode(Catalogue.createToken)
        guard request.validity > 0 else { throw InvalidRequest(.validityNotPositive) }
        guard request.algorithm.uppercased() == SigningAlgorithm.rs256.rawValue else {
            return .status("UNSUPPORTED_ALGORITHM_ERROR")
        }
        var reply = TextReply()
        reply.text = try await service.signToken(
            payload: request.payload, issuer: request.issuer, validity: .seconds(request.validity),
            kind: request.usesStaticKey ?? true ? .static : .dynamic)
        return .json(Catalogue.tokenCreated.encode(reply))
    }
}
