@testable import CoreDriverInterface

extension VersionTable {
    /// The versions in which a reply exists at all; a shape that is not here exists in all.
    static let shapes: [ReplyShape: Span] = [
        .handshake: "1.0-2.20", .regenerated: "2.0-", .sessionInformation: "2.7-", .userCount: "2.5-",
    ]

    private static let session = ["session", "session.handle", "session.userId"]
    private static let access = token("accessToken")
    private static let refresh = token("refreshToken")
    private static let idRefresh = token("idRefreshToken")

    private static func token(_ name: String) -> [String] {
        ["", ".token", ".expiry", ".createdTime"].map { name + $0 }
    }

    private static func cookie(_ name: String) -> [String] {
        [".cookiePath", ".cookieSecure", ".domain"].map { name + $0 }
    }

    /// Reply, versions, members (docs/specification/core.md 1.3.1 to 1.3.5, 1.5 and 1.6).
    ///
    /// Told with a theft since CDI 2.21, earlier than to others: `recipeUserId` (recorded with core 9.3.4).
    static let members: [MemberRow] =
        created + verified + refreshed + regenerated + handshake + [
            row(.tryRefresh, always, ["status", "message"]),
            row(.tryRefresh, "2.7-2.20", ["jwtSigningPublicKey", "jwtSigningPublicKeyExpiryTime"]),
            row(.tryRefresh, "2.9-2.20", ["jwtSigningPublicKeyList"]),

            row(.reuseDetected, always, ["status"] + session),
            row(.reuseDetected, "2.21-", ["session.recipeUserId"]),
            row(.reuseDetected, "5.6", ["recentTokenReuseSubtype"]),

            row(
                .sessionInformation, "2.7-",
                [
                    "status", "sessionHandle", "userId", "userDataInDatabase", "userDataInJWT", "expiry", "timeCreated",
                ]),
            row(.sessionInformation, "3.0-", ["tenantId"]),
            row(.sessionInformation, "4.0-", ["recipeUserId"]),

            row(.userCount, "2.5-", ["status", "count"]),
            row(.userCount, "5.6", ["approximate", "asOf"]),
        ]

    private static let created =
        issued(.created) + [
            row(.created, always, refresh + ["antiCsrfToken"]),
            row(.created, "1.0-2.3", cookie("refreshToken")),
            row(.created, "2.0-2.3", cookie("idRefreshToken") + ["refreshToken.sameSite", "idRefreshToken.sameSite"]),
            row(.created, "1.0-2.20", idRefresh + ["jwtSigningPublicKey", "jwtSigningPublicKeyExpiryTime"]),
            row(.created, "2.9-2.20", ["jwtSigningPublicKeyList"]),
            row(.created, always, access), row(.created, "1.0-2.3", cookie("accessToken")),
            row(.created, "2.0-2.3", ["accessToken.sameSite"]),
        ]

    private static let refreshed =
        issued(.refreshed) + [
            row(.refreshed, always, refresh + ["antiCsrfToken"]),
            row(.refreshed, "1.0-2.3", cookie("refreshToken")),
            row(
                .refreshed, "2.0-2.3", cookie("idRefreshToken") + ["refreshToken.sameSite", "idRefreshToken.sameSite"]),
            row(.refreshed, "1.0-2.20", idRefresh),
            row(.refreshed, always, access), row(.refreshed, "1.0-2.3", cookie("accessToken")),
            row(.refreshed, "2.0-2.3", ["accessToken.sameSite"]),
        ]

    private static let verified =
        issued(.verified) + [
            row(.verified, "1.0-5.5", access), row(.verified, "1.0-2.3", cookie("accessToken")),
            row(.verified, "2.0-2.3", ["accessToken.sameSite"]),
            row(.verified, "1.0-2.20", ["jwtSigningPublicKey", "jwtSigningPublicKeyExpiryTime"]),
            row(.verified, "2.9-2.20", ["jwtSigningPublicKeyList"]),
            row(.verified, "5.6", ["payloadUpdateAvailable"]),
        ]

    private static let regenerated =
        issued(.regenerated) + [
            row(.regenerated, "2.0-", access), row(.regenerated, "2.0-2.3", cookie("accessToken")),
            row(.regenerated, "2.0-2.3", ["accessToken.sameSite"]),
        ]

    private static let handshake = [
        row(.handshake, "1.0-2.20", ["status", "jwtSigningPublicKey", "jwtSigningPublicKeyExpiryTime"]),
        row(.handshake, "1.0-2.3", ["cookieDomain", "cookieSecure", "accessTokenPath", "refreshTokenPath"]),
        row(.handshake, "2.0-2.3", ["cookieSameSite", "idRefreshTokenPath", "sessionExpiredStatusCode"]),
        row(.handshake, "1.0-2.5", ["enableAntiCsrf"]),
        row(.handshake, "1.0-2.20", ["accessTokenBlacklistingEnabled"]),
        row(.handshake, "2.4-2.20", ["accessTokenValidity", "refreshTokenValidity"]),
        row(.handshake, "2.9-2.20", ["jwtSigningPublicKeyList"]),
    ]

    private static func issued(_ shape: ReplyShape) -> [MemberRow] {
        [
            row(shape, shapes[shape] ?? always, ["status", "session.userDataInJWT"] + session),
            row(shape, "3.0-", ["session.tenantId"]), row(shape, "4.0-", ["session.recipeUserId"]),
        ]
    }

    private static func row(_ shape: ReplyShape, _ span: Span, _ paths: [String]) -> MemberRow {
        MemberRow(shape: shape, span: span, paths: paths)
    }
}
