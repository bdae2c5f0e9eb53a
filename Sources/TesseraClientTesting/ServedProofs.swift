import Crypto
import Foundations
import HTTPTypes
import LosslessJSON

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What a request shows about the key of its client (RFC 9449 section 4.3), as the scripted server reads it.
enum ServedProof: Equatable {
    case absent, invalid
    case late(String)
    case good(String)
}

extension ScriptedServer.Model {
    /// Reads the `DPoP` field of a request.
    ///
    /// - Parameters:
    ///   - request: what it has to be for.
    ///   - accessToken: the token beside it, where that is one for access.
    ///   - now: the server's time in milliseconds.
    mutating func proof(of request: HTTPRequest, beside accessToken: String? = nil, at now: Int64) -> ServedProof {
        let fields = request.headerFields[values: ServedProof.name]
        guard let text = fields.first else { return .absent }
        guard fields.count == 1, let (key, claims) = ServedProof.read(text), let number = claims["jti"]?.string,
            claims["htm"] == .string(request.method.rawValue),
            claims["htu"] == .string("\(request.scheme ?? "")://\(request.authority ?? "")\(request.path ?? "")"),
            accessToken == nil || claims["ath"]?.string == accessToken.map(ServedProof.digest),
            let seconds = claims["iat"]?.number?.int64
        else { return .invalid }
        if let nonce = claims["nonce"]?.string {
            guard let made = Int64(nonce.dropFirst(2)), now - made <= 300_000 else { return .late(key) }
        } else if asksForNonce || !(-60...5).contains(seconds - now / 1_000) {
            return .late(key)
        }
        return seenProofs.insert("\(key) \(number)").inserted ? .good(key) : .invalid
    }

    /// The answer to a request of a bound session that does not show its key; `nil` where it does.
    ///
    /// - Parameters:
    ///   - proof: what the request shows.
    ///   - key: what the session is bound to.
    ///   - isCall: whether it is a call with an access token.
    ///   - now: the server's time in milliseconds.
    mutating func refusal(
        of proof: ServedProof, by key: String, isCall: Bool = false, at now: Int64
    ) -> (HTTPResponse, String)? {
        switch proof {
        case .good(key): return nil
        case .late(key): return demand("use_dpop_nonce", isCall, nonce: "n-\(now)")
        // As for a session that has ended.
        case .good, .late: return isCall ? demand("invalid_dpop_proof", isCall) : otherKey()
        case .absent, .invalid: return demand("invalid_dpop_proof", isCall)
        }
    }

    private mutating func otherKey() -> (HTTPResponse, String) {
        record.refusedProofs.append("other_key")
        var head = HTTPResponse(status: .unauthorized)
        if let name = HTTPField.Name("front-token") { head.headerFields[name] = "remove" }
        return (head, #"{"message":"unauthorised"}"#)
    }

    /// Refuses for want of a proof.
    mutating func demand(_ error: String, _ isCall: Bool, nonce: String? = nil) -> (HTTPResponse, String) {
        record.refusedProofs.append(error)
        var head = HTTPResponse(status: isCall ? .unauthorized : .badRequest)
        head.headerFields[ServedProof.nonceName] = nonce
        if isCall { head.headerFields[.wwwAuthenticate] = #"DPoP error="\#(error)", algs="ES256""# }
        return (head, #"{"error":"\#(error)"}"#)
    }
}

extension ServedProof {
    static let name = fieldName("dpop")
    static let nonceName = fieldName("dpop-nonce")

    private static func fieldName(_ text: StaticString) -> HTTPField.Name {
        guard let name = HTTPField.Name("\(text)") else { preconditionFailure("\(text) is no field name") }
        return name
    }

    static func digest(_ text: String) -> String { Base64.url.encodedText(Array(SHA256.hash(data: Array(text.utf8)))) }

    /// The thumbprint of the key and the claims, if the key signed them.
    static func read(_ text: String) -> (key: String, claims: JSONObject)? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false).map { Array($0.utf8) }
        guard parts.count == 3, let header = object(parts[0]), let claims = object(parts[1]),
            header["typ"] == "dpop+jwt", header["alg"] == "ES256", let jwk = header["jwk"]?.object,
            jwk["d"] == nil, let x = jwk["x"]?.string, let y = jwk["y"]?.string,
            let left = Base64.url.decode(Array(x.utf8)), let right = Base64.url.decode(Array(y.utf8)),
            let key = try? P256.Signing.PublicKey(rawRepresentation: left + right),
            let bytes = Base64.url.decode(parts[2]),
            let signature = try? P256.Signing.ECDSASignature(rawRepresentation: bytes),
            key.isValidSignature(signature, for: parts[0] + Array(".".utf8) + parts[1])
        else { return nil }
        return (digest(#"{"crv":"P-256","kty":"EC","x":"\#(x)","y":"\#(y)"}"#), claims)
    }

    private static func object(_ part: [UInt8]) -> JSONObject? {
        Base64.url.decode(part).flatMap { try? JSONValue(parsing: $0).object }
    }
}
