package import RevocationFeed
package import SessionEngine

extension FeedSubject {
    /// What the feed may know something about.
    ///
    /// - Parameters:
    ///   - claims: the claims of a token with a good signature.
    ///   - key: the name of the key that signed it.
    package init(_ claims: AccessTokenClaims, signedBy key: KeyID?) {
        self.init(
            keyID: key?.rawValue, session: claims.handle.rawValue,
            users: claims.recipeUserID == claims.userID
                ? [claims.userID.rawValue] : [claims.userID.rawValue, claims.recipeUserID.rawValue],
            tenant: claims.tenantID.rawValue, issuedAt: claims.issuedAt)
    }
}
