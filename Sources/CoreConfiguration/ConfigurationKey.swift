/// The keys of `config.yaml` that this core reads (docs/specification/core.md 7.1).
enum ConfigurationKey: String, CaseIterable {
    case coreConfigVersion = "core_config_version"
    case port
    case host
    case basePath = "base_path"
    case idleTimeout = "server_idle_timeout"
    case dataDirectory = "data_dir"
    case apiKeys = "api_keys"
    case operatorKey = "supertokens_saas_secret"
    case allowedPeers = "ip_allow_regex"
    case deniedPeers = "ip_deny_regex"
    case newestVersion = "supertokens_max_cdi_version"
    case legacyNewestVersion = "supertokens_default_cdi_version"
    case oldestVersion = "supertokens_min_cdi_version"
    case accessTokenValidity = "access_token_validity"
    case accessTokenValidityJitter = "access_token_validity_jitter"
    case refreshTokenValidity = "refresh_token_validity"
    case rotationGracePeriod = "refresh_token_rotation_grace_period"
    case recentReuse = "recent_token_reuse_behaviour"
    case successorPolicy = "refresh_token_succession"
    case sharingWindow = "refresh_token_sharing_window"
    case sharedJitter = "refresh_token_shared_jitter"
    case silence = "refresh_token_silence"
    case afterRestore = "after_restore"
    case revokesOnReuse = "revoke_session_on_token_theft"
    case auditLog = "audit_trail"
    case auditDays = "audit_trail_retention_days"
    case auditEntries = "audit_trail_max_entries"
    case accessTokenBlacklisting = "access_token_blacklisting"
    case signingKeyDynamic = "access_token_signing_key_dynamic"
    case signingKeyUpdateInterval = "access_token_dynamic_signing_key_update_interval"
    case legacySigningKeyUpdateInterval = "access_token_signing_key_update_interval"
    case signingAlgorithm = "access_token_signing_algorithm"
    case rsaProvider = "rsa_provider"
    case enableAntiCSRF = "enable_anti_csrf"
    case accessTokenPath = "access_token_path"
    case refreshAPIPath = "refresh_api_path"
    case cookieDomain = "cookie_domain"
    case cookieSecure = "cookie_secure"
    case cookieSameSite = "cookie_same_site"
    case sessionExpiredStatusCode = "session_expired_status_code"
    case logLevel = "log_level"
    case infoLogPath = "info_log_path"
    case errorLogPath = "error_log_path"
    case testMode = "test_mode"
    case keyEncryptionKey = "key_encryption_key"
    case keyEncryptionKeyFile = "key_encryption_key_file"
    case keyEncryptionKeyCommand = "key_encryption_key_command"
    case postgresURI = "postgresql_connection_uri"
    case postgresHost = "postgresql_host"
    case postgresPort = "postgresql_port"
    case postgresUser = "postgresql_user"
    case postgresPassword = "postgresql_password"
    case postgresDatabase = "postgresql_database_name"
    case postgresAttributes = "postgresql_connection_attributes"
    case postgresSchema = "postgresql_table_schema"
    case postgresPrefix = "postgresql_table_names_prefix"
    case postgresValueTable = "postgresql_key_value_table_name"
    case postgresSessionTable = "postgresql_session_info_table_name"
    case postgresPoolSize = "postgresql_connection_pool_size"
    case postgresGrouping = "postgresql_statement_grouping"
    case postgresMigrates = "postgresql_migrate"
    // Read and checked, without effect.
    case serverPoolSize = "max_server_pool_size"
    case webserverHTTPS = "webserver_https_enabled"
    case disableTelemetry = "disable_telemetry"
    case loadOnlyDomain = "supertokens_saas_load_only_cud"
    case collectorURI = "otel_collector_connection_uri"
    case deadlockLogger = "deadlock_logger_enable"
    case postgresConfigVersion = "postgresql_config_version"
    case postgresScheme = "postgresql_connection_scheme"
    case postgresIdleTimeout = "postgresql_idle_connection_timeout"
    case postgresMinimumIdle = "postgresql_minimum_idle_connections"

    /// What a value has to be, by the names of the Java cores.
    enum ValueType: String {
        case int, long, double, boolean
        case string = "String"
    }

    /// The environment variable that overrides the file (docs/specification/core.md 7.3).
    ///
    /// Keys that only this core has begin with its name, as the shell's own `HOST` and `PORT` are left alone.
    var environmentName: String {
        switch self {
        case .port, .host: "SUPERTOKENS_" + rawValue.uppercased()
        case .dataDirectory, .idleTimeout, .testMode, .successorPolicy, .sharingWindow, .sharedJitter, .silence,
            .afterRestore,
            .revokesOnReuse,
            .auditLog, .auditDays, .auditEntries, .rsaProvider,
            .keyEncryptionKey, .keyEncryptionKeyFile, .keyEncryptionKeyCommand:
            "TESSERA_" + rawValue.uppercased()
        default: rawValue.uppercased()
        }
    }

    /// What the value has to be.
    var type: ValueType {
        switch self {
        case .coreConfigVersion, .port, .idleTimeout, .sessionExpiredStatusCode, .rotationGracePeriod, .silence,
            .serverPoolSize,
            .postgresPort,
            .postgresPoolSize, .postgresGrouping, .postgresConfigVersion, .postgresMinimumIdle:
            .int
        case .accessTokenValidity, .auditEntries, .postgresIdleTimeout: .long
        case .accessTokenValidityJitter, .sharingWindow, .sharedJitter, .refreshTokenValidity,
            .signingKeyUpdateInterval,
            .legacySigningKeyUpdateInterval, .auditDays:
            .double
        case .accessTokenBlacklisting, .signingKeyDynamic, .enableAntiCSRF, .cookieSecure, .testMode, .webserverHTTPS,
            .disableTelemetry, .deadlockLogger, .revokesOnReuse, .auditLog, .postgresMigrates:
            .boolean
        default: .string
        }
    }

    /// Whether the key is read and checked and nothing else.
    var isWithoutEffect: Bool {
        switch self {
        case .serverPoolSize, .webserverHTTPS, .disableTelemetry, .loadOnlyDomain, .collectorURI, .deadlockLogger,
            .postgresConfigVersion, .postgresScheme, .postgresIdleTimeout, .postgresMinimumIdle:
            true
        default: false
        }
    }
}

/// Keys that this core does not read.
enum ForeignKey {
    /// Keys of other recipes: an operator who has them is warned that there is nothing to set here.
    static let ofOtherRecipes: Set<String> = [
        "firebase_password_hashing_signer_key", "password_hashing_alg", "argon2_iterations", "argon2_memory_kb",
        "argon2_parallelism", "argon2_hashing_pool_size", "bcrypt_log_rounds", "password_reset_token_lifetime",
        "email_verification_token_lifetime", "passwordless_code_lifetime", "passwordless_max_code_input_attempts",
        "totp_default_max_attempts", "totp_default_skew", "totp_rate_limit_cooldown_sec", "totp_max_attempts",
        "totp_rate_limit_cooldown_time",
    ]

    /// Whether a key is about a database.
    static func namesDatabase(_ key: String) -> Bool { key.hasPrefix("postgresql_") || namesForeignDatabase(key) }

    /// Whether a key names a database that this release does not speak to.
    static func namesForeignDatabase(_ key: String) -> Bool {
        ["mysql_", "mongodb_"].contains { key.hasPrefix($0) }
    }

    /// The environment variables that say that sessions are meant to be in another database.
    static let databaseVariables = ["MYSQL_CONNECTION_URI", "MONGODB_CONNECTION_URI"]
}
