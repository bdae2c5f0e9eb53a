import CoreServer
import SessionEngine

extension CoreSettings {
    /// Reads what concerns the core's answers (docs/specification/core.md 7.1).
    init(_ values: ConfigurationValues) throws(ConfigurationError) {
        self.init()
        try readAccess(values)
        allowsShortKeyIntervals = try values.bool(.testMode) ?? false
        usesAntiCSRF = try values.bool(.enableAntiCSRF) ?? usesAntiCSRF
        checksDatabase = try values.bool(.accessTokenBlacklisting) ?? checksDatabase
        signingKeyKind = try values.bool(.signingKeyDynamic) ?? true ? .dynamic : .static
        cookies = try Cookies(values)
        if cookies.sameSite == "none", !usesAntiCSRF, values.text(.cookieSameSite) != nil {
            throw values.error("please set 'enable_anti_csrf' to true if 'cookie_same_site' is set to 'none'")
        }
        let status = try values.integer(.sessionExpiredStatusCode) ?? Int64(sessionExpiredStatusCode)
        guard (400...599).contains(status) else {
            throw values.error("'session_expired_status_code' must be a value between 400 and 599, inclusive")
        }
        sessionExpiredStatusCode = Int(status)
    }
}

extension CoreSettings.Cookies {
    /// Reads the cookie attributes for drivers before CDI 2.4.
    init(_ values: ConfigurationValues) throws(ConfigurationError) {
        self.init()
        domain = values.text(.cookieDomain)
        secure = try values.bool(.cookieSecure) ?? secure
        sameSite = (values.text(.cookieSameSite) ?? sameSite).lowercased()
        guard ["none", "lax", "strict"].contains(sameSite) else {
            throw values.error("'cookie_same_site' must be either \"none\", \"strict\" or \"lax\"")
        }
        accessTokenPath = Self.path(values.text(.accessTokenPath)) ?? accessTokenPath
        refreshTokenPath = Self.path(values.text(.refreshAPIPath)) ?? refreshTokenPath
    }

    /// A path with a leading slash.
    private static func path(_ text: String?) -> String? {
        text.map { $0.hasPrefix("/") ? $0 : "/" + $0 }
    }
}
