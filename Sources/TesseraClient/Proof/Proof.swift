import Crypto
import Foundations
import HTTPTypes
import LosslessJSON

/// One key of a session, ready to sign.
struct ProvingKey: Sendable {
    let keys: any ProofKeys
    let kept: KeptKey
    /// The public half as a JWK with the members that a thumbprint is made of, in their order (RFC 7638 section 3.2).
    let jwk: JSONObject

    init(_ keys: any ProofKeys, _ kept: KeptKey) throws(ProofKeyError) {
        let point = try keys.publicKey(of: kept.bytes)
        guard point.count == 64 else { throw .lost }
        (self.keys, self.kept) = (keys, kept)
        jwk = [
            "crv": "P-256", "kty": "EC", "x": .string(Base64.url.encodedText(point.prefix(32))),
            "y": .string(Base64.url.encodedText(point.suffix(32))),
        ]
    }

    /// What tokens of a session that is bound to this key say in `cnf.jkt`.
    var thumbprint: String { Base64.url.encodedText(Array(SHA256.hash(data: jwk.serialized()))) }

    /// The proof for one request (RFC 9449 section 4.2).
    ///
    /// - Parameters:
    ///   - request: with scheme and authority; its query is no part of a proof.
    ///   - time: the server's time, as far as it is known, in milliseconds since 1970.
    ///   - random: names the proof.
    ///   - nonce: what the server asked for.
    ///   - accessToken: the token beside it, where that is one for access.
    func proof(
        for request: HTTPRequest, at time: Int64, random: [UInt64], nonce: String? = nil, accessToken: String? = nil
    ) throws(ProofKeyError) -> String {
        let header: JSONObject = ["typ": "dpop+jwt", "alg": "ES256", "jwk": .object(jwk)]
        let path = (request.path ?? "/").prefix { $0 != "?" && $0 != "#" }
        var claims: JSONObject = [
            "jti": .string(random.map { String($0, radix: 16) }.joined(separator: "-")),
            "htm": .string(request.method.rawValue),
            "htu": .string("\(request.scheme ?? "")://\(request.authority ?? "")\(path)"),
            "iat": .integer(time / 1_000),
        ]
        if let nonce { claims["nonce"] = .string(nonce) }
        if let accessToken {
            claims["ath"] = .string(Base64.url.encodedText(Array(SHA256.hash(data: Array(accessToken.utf8)))))
        }
        let signed = [header, claims].map { Base64.url.encodedText($0.serialized()) }.joined(separator: ".")
        let signature = try keys.signature(of: Array(signed.utf8), by: kept.bytes)
        return signed + "." + Base64.url.encodedText(signature)
    }
}

/// What a server that wants a proof answers (RFC 9449 sections 7.1 and 8).
struct ProofDemand: Equatable, Sendable {
    /// What the next proof has to repeat; `nil` where any good proof is enough.
    let nonce: String?

    /// What the next proof has to repeat after a refusal to refresh, a 400; `nil` for any other.
    static func nonce(ofRefusal head: HTTPResponse, body: [UInt8]) -> String? {
        guard head.status.code == 400, (try? JSONValue(parsing: body).object)?["error"]?.string == "use_dpop_nonce"
        else { return nil }
        return head.headerFields[SessionFields.nonceName].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The demand of a refusal of a call, a 401 with a challenge of the scheme DPoP.
    init?(call head: HTTPResponse) {
        guard head.status.code == 401,
            head.headerFields[values: .wwwAuthenticate].contains(where: { $0.lowercased().hasPrefix("dpop ") })
        else { return nil }
        nonce = head.headerFields[SessionFields.nonceName].flatMap { $0.isEmpty ? nil : $0 }
    }
}
