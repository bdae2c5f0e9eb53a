extension ConfigurationKey {
    static let ofDatabase: [ConfigurationKey] = [
        ConfigurationKey(
            "postgresql_connection_uri", .address, \.database.uri, .secret,
            "the database, as libpq takes it: `postgresql://user@host:port/name?sslmode=verify-full`"),
        ConfigurationKey(
            "postgresql_host", .someText, \.database.host, default: "`localhost`", [], "its host, without a URI"),
        ConfigurationKey(
            "postgresql_port",
            ValueFormat<Int>.whole(1...65_535) { "'\($0)' must be between 1 and 65535." }.optional(), \.database.port,
            default: "5432", [], "its port; an address that a container platform sets is noted and ignored"),
        ConfigurationKey("postgresql_user", .someText, \.database.user, [], "who connects"),
        ConfigurationKey(
            "postgresql_password", .someText, \.database.password, .secret,
            "the password; libpq's own `~/.pgpass` works too"),
        ConfigurationKey(
            "postgresql_database_name", .someText, \.database.name, default: "`supertokens`", [],
            "the database's name, without a URI"),
        ConfigurationKey(
            "postgresql_connection_attributes", .someText, \.database.attributes, .secret,
            "more of libpq's parameters, as `a=b&c=d`"),
        ConfigurationKey(
            "postgresql_table_schema", .text, \.database.schema, [], "the schema; made where it is missing"),
        ConfigurationKey(
            "postgresql_table_names_prefix", .text, \.database.prefix, [], "goes before each table's name, with `_`"),
        ConfigurationKey(
            "postgresql_key_value_table_name", .someText, \.database.valueTable, [], "that table's whole name"),
        ConfigurationKey(
            "postgresql_session_info_table_name", .someText, \.database.sessionTable, [], "that table's whole name"),
        ConfigurationKey(
            "postgresql_connection_pool_size", positive, \.database.poolSize, default: "4", [],
            "connections of this node; more help only where the network is slow"),
        ConfigurationKey(
            "postgresql_statement_grouping", positive, \.database.groupLimit, default: "16", .own,
            "statements that may share a transaction; 1 for engines that spread rows over machines"),
        ConfigurationKey(
            "postgresql_migrate", .flag, \.database.migrates, .own,
            "whether the start brings the schema up to date; otherwise `tessera migrate apply` does"),
    ]

    private static let positive = ValueFormat<Int>.whole(1...10_000) { "'\($0)' must be between 1 and 10000." }
        .optional()

    static let ofKeyEncryption: [ConfigurationKey] = [
        ConfigurationKey(
            "key_encryption_key", .someText, \.keyEncryptionKey, [.secret, .own],
            "the key itself; better in the environment than in the file"),
        ConfigurationKey(
            "key_encryption_key_file", .someText, \.keyEncryptionKeyFile, .own, "a file that holds it"),
        ConfigurationKey(
            "key_encryption_key_command", .someText, \.keyEncryptionKeyCommand, [.secret, .own],
            "a command that prints it, run by `/bin/sh` at the start"),
        ConfigurationKey(
            "signer", .signerAddress, \.signer, .own,
            """
            what keeps private signing keys: `memory` is the core itself, `unix:/path` the socket of `tessera signer`, which \
            then makes every new one (docs/signers.md)
            """),
        ConfigurationKey(
            "signer_timeout", .number(0.05...10), \.signerTimeout, .own,
            "seconds that a request waits for that signer at most; then it is answered 503"),
    ]

    static let ignored: [ConfigurationKey] = [
        ignored("core_config_version", version, "read for SuperTokens' files; may be missing here"),
        ignored("postgresql_config_version", anyWhole, "read for SuperTokens' files"),
        ignored("postgresql_connection_scheme", .text, "it is `postgresql`"),
        ignored("postgresql_idle_connection_timeout", anyWhole, "connections stay open"),
        ignored("postgresql_minimum_idle_connections", anyWhole, "connections stay open"),
        ignored(
            "max_server_pool_size", .whole(1...Int.max) { "'\($0)' must be >= 1." }, "there is no pool to size"),
        ignored("webserver_https_enabled", .flag, "as in SuperTokens; put TLS in front"),
        ignored("disable_telemetry", .flag, "there is no telemetry"),
        ignored("supertokens_saas_load_only_cud", loadOnly, "there is one domain"),
        ignored("deadlock_logger_enable", .flag, "there is nothing to log"),
    ]

    private static let anyWhole = ValueFormat<Int>.whole(Int.min...Int.max) { _ in "" }

    private static let version = ValueFormat<Int>(.int) { text, name in
        guard let number = Int(text) else { return .breach(.type(.int)) }
        let rule = "'\(name)' is not set in the config.yaml file. Please redownload and install SuperTokens"
        return number == -1 ? .breach(.rule(rule)) : .value(number)
    } print: {
        String($0)
    }

    private static let loadOnly = ValueFormat<String>(.string) { text, name in
        text.contains { $0.isWhitespace || $0 == "/" } ? .breach(.rule("\(name) is invalid")) : .value(text)
    } print: {
        $0
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

    /// Whether a key of a database says how connections are kept, and not where the data is.
    static func isAboutConnections(_ key: String) -> Bool {
        ["pool_size", "idle_connection_timeout", "minimum_idle_connections", "connection_attributes", "config_version"]
            .contains { key.hasPrefix("postgresql_") && key.hasSuffix($0) }
    }

    /// Whether a key names a database that this release does not speak to.
    static func namesForeignDatabase(_ key: String) -> Bool {
        ["mysql_", "mongodb_"].contains { key.hasPrefix($0) }
    }

    /// The environment variables that say that sessions are meant to be in another database.
    static let databaseVariables = ["MYSQL_CONNECTION_URI", "MONGODB_CONNECTION_URI"]

    /// Whether a variable that begins as ours do is none of a configuration: of our tools and tests, or of a container
    /// platform for a service of that name.
    static func isVariableOfTools(_ name: String) -> Bool {
        ["TESSERA_STATE_DIR", "TESSERA_BINARY", "TESSERA_OLD_BINARY", "TESSERA_MALLOC_COUNT"].contains(name)
            || ["TESSERA_TEST_", "TESSERA_FAILPOINT", "TESSERA_PORT_", "TESSERA_SERVICE_"].contains(
                where: name.hasPrefix)
    }
}
