/// The keys of `config.yaml`, their environment variables and what becomes of them (spec `core-wire` 7.1 and 7.3).
enum ConfigurationKey: String, CaseIterable {
    case coreConfigVersion = "core_config_version"
    case port
    case host
    case dataDirectory = "data_dir"
    case accessTokenValidity = "access_token_validity"
    case accessTokenBlacklisting = "access_token_blacklisting"
    case accessTokenPath = "access_token_path"
    case signingKeyDynamic = "access_token_signing_key_dynamic"
    case signingKeyUpdateIntervalOfOld = "access_token_signing_key_update_interval"
    case signingKeyUpdateInterval = "access_token_dynamic_signing_key_update_interval"
    case signingAlgorithm = "access_token_signing_algorithm"
    case enableAntiCSRF = "enable_anti_csrf"
    case refreshTokenValidity = "refresh_token_validity"
    case refreshAPIPath = "refresh_api_path"
    case cookieDomain = "cookie_domain"
    case cookieSecure = "cookie_secure"
    case cookieSameSite = "cookie_same_site"
    case sessionExpiredStatusCode = "session_expired_status_code"
    case apiKeys = "api_keys"
    case logLevel = "log_level"

    /// The environment variable that overrides the file.
    var environmentName: String {
        switch self {
        case .port, .host: "SUPERTOKENS_" + rawValue.uppercased()
        case .dataDirectory: "TESSERA_DATA_DIR"
        default: rawValue.uppercased()
        }
    }

    /// Keys of SuperTokens' core that have nothing to set here; an operator who has them is told, and nothing else.
    static let withoutEffect: Set<String> = [
        "max_server_pool_size", "webserver_https_enabled", "disable_telemetry", "info_log_path", "error_log_path",
        "otel_collector_connection_uri", "deadlock_logger_enable", "supertokens_saas_secret",
        "supertokens_saas_load_only_cud", "firebase_password_hashing_signer_key", "password_hashing_alg",
        "argon2_iterations", "argon2_memory_kb", "argon2_parallelism", "argon2_hashing_pool_size",
        "bcrypt_log_rounds", "password_reset_token_lifetime", "email_verification_token_lifetime",
        "passwordless_code_lifetime", "passwordless_max_code_input_attempts", "totp_default_max_attempts",
        "totp_default_skew", "totp_rate_limit_cooldown_sec", "totp_max_attempts", "totp_rate_limit_cooldown_time",
    ]

    /// Keys by which an operator protects or moves the core and that this release cannot honour: it does not start, so
    /// that nobody believes in a protection that is not there.
    static let refused: Set<String> = [
        "base_path", "ip_allow_regex", "ip_deny_regex", "supertokens_max_cdi_version", "supertokens_min_cdi_version",
        "supertokens_default_cdi_version", "refresh_token_rotation_grace_period", "access_token_validity_jitter",
        "recent_token_reuse_behaviour",
    ]

    /// Keys of a database that this release does not speak to.
    static func namesDatabase(_ key: String) -> Bool {
        ["postgresql_", "mysql_", "mongodb_"].contains { key.hasPrefix($0) }
    }
}
