import CoreServer
import Logging

extension ConfigurationKey {
    static let ofServer: [ConfigurationKey] = [
        ConfigurationKey(
            "host", .text, \.host, [],
            "the address to listen on; off this machine only with `api_keys`"),
        ConfigurationKey(
            "port", .whole(0...65_535) { "'\($0)' must be between 0 and 65535." }, \.port, [],
            "the port to listen on; 0 takes a free one"),
        ConfigurationKey(
            "server_idle_timeout", .whole(1...3_600) { "'\($0)' must be between 1 and 3600 seconds." }, \.idleTimeout,
            .own,
            """
            seconds without a request after which a connection is closed; longer than your balancer keeps its own (most: \
            60), so that it never sends a request into a closing one
            """),
        ConfigurationKey(
            "base_path", .basePath, \.settings.basePath, [],
            "everything is below this path, `/hello` too; 404 elsewhere"),
        ConfigurationKey(
            "data_dir", .someText, \.dataDirectory, default: "`$XDG_DATA_HOME/tessera` or `~/.local/share/tessera`",
            .own,
            "the folder of the database"),
        ConfigurationKey(
            "api_keys", .keys, \.settings.apiKeys, [.app, .secret, .reloadable],
            "keys separated by commas, each of 20 characters or more; a request has to show one"),
        ConfigurationKey(
            "verify_api_keys", .keys, \.settings.verifierKeys, default: "none", [.own, .secret, .reloadable],
            """
            keys as above that only verify: tokens, with a look at the database too, and the feed of ended sessions \
            (docs/feed.md); needs `api_keys`
            """),
        ConfigurationKey(
            "supertokens_saas_secret", .operatorKey, \.settings.operatorKey, [.secret, .reloadable],
            "one more key, of 40 characters or more; needs `api_keys`"),
        ConfigurationKey(
            "ip_deny_regex", .someText, \.deniedPeers, .reloadable,
            "peers whose whole address matches get 403 for every path"),
        ConfigurationKey(
            "ip_allow_regex", .someText, \.allowedPeers, .reloadable, "peers whose whole address does not match get 403"
        ),
        ConfigurationKey(
            "supertokens_default_cdi_version", .someText, \.legacyNewestVersion, .alias,
            "the former name of `supertokens_max_cdi_version`"),
        ConfigurationKey(
            "supertokens_max_cdi_version", .someText, \.newestVersion, default: "the newest", [],
            "the newest version that drivers may speak, and that of a `/recipe` request that names none"),
        ConfigurationKey(
            "supertokens_min_cdi_version", .someText, \.oldestVersion, default: "the oldest", [],
            "the oldest version that drivers may speak"),
        ConfigurationKey(
            "metrics_listen", .listenAddress("127.0.0.1:9567"), \.metrics, .own,
            """
            the address and port of the page `/metrics` for Prometheus, which needs no key; port 0 takes a free one, `off` \
            switches it off (docs/metrics.md)
            """),
        ConfigurationKey(
            "test_mode", .flag, \.settings.allowsShortKeyIntervals, .own,
            "signing keys may be replaced more often than every hour; refused off this machine"),
    ]

    static let ofTraces: [ConfigurationKey] = [
        ConfigurationKey(
            "tracing", .traceDestination, \.tracing, .own,
            """
            where the spans of requests go, in OTLP's JSON: `file:/path` (a line for each export), or the address of a \
            collector, `http://localhost:4318/v1/traces` or `https://...`; `off` records nothing (docs/tracing.md)
            """),
        ConfigurationKey(
            "tracing_sample_ratio", .number(0...1), \.traceSampleRatio, .own,
            "the share of requests that is traced, of those whose caller does not say whether it traces them"),
        ConfigurationKey(
            "otel_collector_connection_uri", .someText, \.otelCollector, [],
            "SuperTokens' key for a collector, read where `tracing` is not set; `http` alone, and JSON is sent to it and no gRPC"
        ),
    ]

    static let ofCookies: [ConfigurationKey] = [
        ConfigurationKey(
            "access_token_path", .path, \.settings.cookies.accessTokenPath, [], "the path of the access token's cookie"),
        ConfigurationKey(
            "refresh_api_path", .path, \.settings.cookies.refreshTokenPath, [], "the path of the refresh token's cookie"
        ),
        ConfigurationKey("cookie_domain", .someText, \.settings.cookies.domain, [], "the domain of cookies"),
        ConfigurationKey("cookie_secure", .flag, \.settings.cookies.secure, [], "cookies go over https only"),
        ConfigurationKey(
            "cookie_same_site",
            .choice([("none", "none"), ("strict", "strict"), ("lax", "lax")]) {
                "'\($0)' must be either \"none\", \"strict\" or \"lax\""
            },
            \.settings.cookies.sameSite, [], "or `strict` or `none`, which needs `enable_anti_csrf`"),
        ConfigurationKey(
            "session_expired_status_code",
            .whole(400...599) { "'\($0)' must be a value between 400 and 599, inclusive" },
            \.settings.sessionExpiredStatusCode, [], "what drivers answer when a session is over"),
    ]

    static let ofLogs: [ConfigurationKey] = [
        ConfigurationKey(
            "log_level",
            .choice([
                ("NONE", nil), ("DEBUG", .debug), ("INFO", .info), ("WARN", .warning), ("ERROR", .error),
            ]) { "'\($0)' config must be one of \"NONE\",\"DEBUG\", \"INFO\", \"WARN\" or \"ERROR\"." },
            \.log.level, .reloadable, "or `DEBUG`, `WARN`, `ERROR`, `NONE`"),
        ConfigurationKey(
            "info_log_path", .logPath, \.log.infoPath, default: "standard output", [],
            "the file of everything but errors; `\"null\"` for the console"),
        ConfigurationKey(
            "error_log_path", .logPath, \.log.errorPath, default: "standard error", [],
            "the file of errors; `\"null\"` for the console"),
        ConfigurationKey(
            "log_format",
            .choice([("supertokens", .supertokens), ("json", .json)]) {
                "'\($0)' must be either \"supertokens\" or \"json\"."
            },
            \.log.format, .own,
            "or `json`: each line is a JSON object with the names of OpenTelemetry's log data model and RFC 3339 times"),
        ConfigurationKey(
            "use_structured_logging", .flag, \.log.isStructured, [],
            "with `log_format: supertokens`, each line is a JSON object with SuperTokens' names"),
    ]
}
