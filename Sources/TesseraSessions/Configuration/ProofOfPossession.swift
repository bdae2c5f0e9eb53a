import HTTPTypes
import SessionEngine

/// What becomes of the proofs of possession that clients send (RFC 9449).
public enum ProofOfPossession: String, Sendable, Hashable, CaseIterable {
    /// None binds a session; one that is bound already is refreshed with its proofs as ever.
    case off
    /// A session is bound to the key of a client that proves it at sign-in or with a step-up, and from then nothing is given
    /// for its refresh tokens without a proof; other clients notice nothing.
    case accept
    /// The same, and each request with the access token of a bound session has to prove the key too, unless its route says
    /// otherwise (``VerifyOptions/checksProof``).
    case everyCall
}

extension SessionSettings {
    /// The proof of a request, for its URL by the configured origin: what the request says about its host counts for nothing.
    ///
    /// - Parameters:
    ///   - request: the request.
    ///   - mayBind: whether it would bind a session to the key, which is not wanted by default.
    func proof(of request: HTTPRequest, mayBind: Bool) -> PresentedProof? {
        let fields = request.headerFields[values: .dpop]
        guard configuration.dpop != .off || !mayBind, !fields.isEmpty else { return nil }
        // Two fields are no proof (RFC 9449 section 4.3); together they are none either.
        return PresentedProof(fields.joined(separator: ", "), for: proofTarget(of: request))
    }

    /// A method and a URL, with a space between.
    func proofTarget(of request: HTTPRequest) -> String {
        let path = pathInBrowser(request).prefix { $0 != "?" && $0 != "#" }
        return "\(request.method.rawValue) \(app.apiDomain.text)\(path)"
    }
}
