package import HTTPTypes

extension HTTPField.Name {
    /// A name in the source of this package; one that is none is found by the first test that looks at it.
    private static func of(_ text: StaticString) -> HTTPField.Name {
        guard let name = HTTPField.Name("\(text)") else {
            preconditionFailure("\(text) is no field name (RFC 9110 section 5.1)")
        }
        return name
    }

    /// `anti-csrf`: the double-submit token, in requests and responses.
    package static let antiCSRF = of("anti-csrf")
    /// `front-token`: what scripts may know about the session; `remove` ends it.
    package static let frontToken = of("front-token")
    /// `st-access-token`: the access token where sessions travel in header fields.
    package static let sessionAccessToken = of("st-access-token")
    /// `st-refresh-token`: the refresh token where sessions travel in header fields.
    package static let sessionRefreshToken = of("st-refresh-token")
    /// `st-auth-mode`: how a client wants its tokens, `cookie` or `header`.
    package static let authMode = of("st-auth-mode")
    /// `rid`: the recipe a client means; that it is there at all proves a request that a form cannot send.
    package static let recipeID = of("rid")
    /// `id-refresh-token`: what clients of the first SDK watch.
    package static let idRefreshToken = of("id-refresh-token")
    /// `Sec-Fetch-Site`: what a browser says about where a request comes from (Fetch Metadata).
    package static let fetchSite = of("sec-fetch-site")
    /// `Sec-Fetch-Mode`: what a browser says a request is for: `navigate` for a page.
    package static let fetchMode = of("sec-fetch-mode")
    /// `Sec-Fetch-Dest`: where a browser will put the answer.
    package static let fetchDestination = of("sec-fetch-dest")
    /// `X-Forwarded-For`: the addresses that proxies have seen, the nearest one last.
    package static let forwardedFor = of("x-forwarded-for")
    /// `Sec-CH-UA-Platform`: the system of the client in its own words (User-Agent Client Hints).
    package static let clientPlatform = of("sec-ch-ua-platform")
    /// `DPoP`: a proof that the client has a key (RFC 9449 section 4.1).
    package static let dpop = of("dpop")
    /// `DPoP-Nonce`: what the next proof has to repeat (RFC 9449 section 8).
    package static let dpopNonce = of("dpop-nonce")
    /// `Secure-Session-Registration`: what asks a browser to bind its session (Device Bound Session Credentials).
    package static let secureSessionRegistration = of("secure-session-registration")
    /// `Secure-Session-Challenge`: what the device of a browser signs next.
    package static let secureSessionChallenge = of("secure-session-challenge")
    /// `Secure-Session-Response`: the proof of the device.
    package static let secureSessionResponse = of("secure-session-response")
    /// `Sec-Secure-Session-Id`: what the browser calls the session whose cookie it renews.
    package static let secureSessionID = of("sec-secure-session-id")
    /// `Secure-Session-Skipped`: the browser did not renew a cookie now.
    package static let secureSessionSkipped = of("secure-session-skipped")
    /// `Access-Control-Expose-Headers`: the response fields that scripts of other origins may read.
    package static let exposedHeaders = of("access-control-expose-headers")
}
