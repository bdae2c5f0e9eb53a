import CoreDriverInterface
import Crypto
import Foundations
import LosslessJSON
import SessionEngine
import SessionService

extension CoreAPI {
    /// The key set for everybody, with how long it may be kept and a validator for asking again (RFC 9110 8.8.3).
    func publishKeys(_ call: Call) async throws -> CoreReply {
        let published = try await service.publishedKeys()
        var reply = CoreReply.json(["keys": published.keys])
        let validator = "\"\(Hex.encode(SHA256.hash(data: reply.body).prefix(16)))\""
        if call.request.holds(validator) { reply = .notModified }
        reply.headers.append(("Cache-Control", "max-age=\(published.maxAgeSeconds), must-revalidate"))
        reply.headers.append(("ETag", validator))
        return reply
    }

    func listKeys() async throws -> CoreReply {
        .json(["keys": try await service.publishedKeys().keys, "status": "OK"])
    }

    /// Signs a token of the application's own (docs/specification/core.md 1.7).
    func createToken(_ call: Call) async throws -> CoreReply {
        let fields = try call.fields()
        let algorithm = try fields.required("algorithm", \.string)
        let issuer = try fields.required("jwksDomain", \.string)
        let payload = try fields.required("payload", \.object)
        let validity = try fields.required("validity", \.long)
        let isStatic = try fields.versioned("useStaticSigningKey", \.bool) ?? true
        guard validity > 0 else { throw InvalidRequest(.validityNotPositive) }
        guard algorithm.uppercased() == SigningAlgorithm.rs256.rawValue else {
            return .status("UNSUPPORTED_ALGORITHM_ERROR")
        }
        let token = try await service.signToken(
            payload: payload, issuer: issuer, validity: .seconds(validity), kind: isStatic ? .static : .dynamic)
        return .json(["status": "OK", "jwt": .string(token)])
    }
}
