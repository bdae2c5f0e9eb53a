public import HTTPTypes

extension HTTPField.Name {
    /// Builds a name that is known to be valid; a name with other characters would be a fault of this file.
    private static func of(_ name: StaticString) -> HTTPField.Name {
        HTTPField.Name("\(name)") ?? .from
    }

    /// `anti-csrf`: the double-submit token, in requests and responses.
    public static let antiCSRF = of("anti-csrf")
    /// `front-token`: what scripts may know about the session; `remove` ends it.
    public static let frontToken = of("front-token")
    /// `st-access-token`: the access token where sessions travel in header fields.
    public static let sessionAccessToken = of("st-access-token")
    /// `st-refresh-token`: the refresh token where sessions travel in header fields.
    public static let sessionRefreshToken = of("st-refresh-token")
    /// `st-auth-mode`: how a client wants its tokens, `cookie` or `header`.
    public static let authMode = of("st-auth-mode")
    /// `rid`: the recipe a client means; that it is there at all proves a request that a form cannot send.
    public static let recipeID = of("rid")
    /// `id-refresh-token`: what clients of the first SDK watch.
    public static let idRefreshToken = of("id-refresh-token")
    /// `Sec-Fetch-Site`: what a browser says about where a request comes from (Fetch Metadata).
    public static let fetchSite = of("sec-fetch-site")
    /// `Access-Control-Expose-Headers`: the response fields that scripts of other origins may read.
    public static let exposedHeaders = of("access-control-expose-headers")
}
