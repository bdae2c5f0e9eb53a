import CoreServer
import Foundations
import SessionEngine
import SessionService
import SessionStorage

extension ConfigurationKey {
    static let ofRotation: [ConfigurationKey] = [
        ConfigurationKey(
            "access_token_validity", .seconds(.long, 1...86_400_000), \.policy.accessTokenValidity, .app,
            "seconds an access token lives"),
        ConfigurationKey(
            "access_token_validity_jitter", .number(0...0.25), \.policy.accessTokenValidityJitter, .app,
            "the largest part of that life, 0 to 0.25, taken off at random; SuperTokens takes 0.05"),
        ConfigurationKey(
            "refresh_token_validity", .minutes, \.policy.refreshTokenValidity, .app,
            "minutes a session lives without being used"),
        ConfigurationKey(
            "refresh_token_rotation_grace_period", .seconds(.int, 0...300), \.policy.rotationGracePeriod, .app,
            "seconds a rotated-out refresh token may come back (CDI 5.6), 0 to 300"),
        ConfigurationKey(
            "recent_token_reuse_behaviour",
            .choice([("TOKEN_THEFT", true), ("UNAUTHORISED", false)]) {
                "\($0) property is not set correctly. It must be one of [TOKEN_THEFT, UNAUTHORISED]"
            },
            \.policy.reportsRecentReuseAsTheft, [],
            "what the reuse of a recent token is called (CDI 5.6), or `UNAUTHORISED`"),
        ConfigurationKey(
            "refresh_token_succession",
            .choice(Refresh.SuccessorPolicy.allCases.map { ($0.rawValue, $0) }) {
                "'\($0)' must be either \"DETERMINISTIC\" or \"RANDOM\"."
            },
            \.policy.successorPolicy, [.app, .own],
            """
            one new token for each window in which a refresh token is presented \
            ([0019](decisions/0019-sharing-windows.md)); `RANDOM` gives another each time, as SuperTokens does, and calls a \
            late request theft
            """),
        ConfigurationKey(
            "refresh_token_sharing_window", ValueFormat<Milliseconds>.decimalSeconds(0...120).optional(),
            \.policy.configuredSharingWindow, default: "a fifteenth of `access_token_validity`, at most 60", .own,
            """
            seconds in which all who present one refresh token get the same new one, 0 to 120; longer than the default lets \
            somebody with a copy stay in step for longer
            """),
        ConfigurationKey(
            "refresh_token_shared_jitter", .number(0...0.5), \.policy.sharedJitter, .own,
            """
            largest part of an access token's life that is taken off at random after a refresh token was shared, 0 to 0.5; \
            with 0 a follower is never noticed
            """),
        ConfigurationKey(
            "refresh_token_silence", .seconds(.int, 0...600), \.policy.silence, .own,
            """
            seconds in which a superseded refresh token gives 503 and no verdict, 0 to 600; with this and the window at 0 it \
            is theft immediately
            """),
        ConfigurationKey(
            "after_restore",
            .choice(Refresh.AfterRestore.allCases.map { ($0.rawValue, $0) }) {
                "'\($0)' must be either \"ADOPT\" or \"SIGN_OUT\"."
            },
            \.policy.afterRestore, .own,
            """
            what becomes of refresh tokens that are newer than a restored copy: `ADOPT` them once, or `SIGN_OUT` \
            ([backup.md](backup.md))
            """),
        ConfigurationKey(
            "revoke_session_on_token_theft", .flag, \.policy.revokesOnReuse, [.app, .own],
            """
            whether the core itself ends a session on theft for drivers before CDI 5.6; `false` leaves that to the driver
            """),
        ConfigurationKey(
            "audit_trail", .flag, \.writesAudit, .own,
            "whether what happens to sessions and keys is recorded; see `tessera audit`"),
        ConfigurationKey(
            "audit_trail_retention_days", .days, \.audit.age, .own, "for how many days the records are kept"),
        ConfigurationKey(
            "audit_trail_max_entries", .positive, \.audit.entries, .own, "how many records are kept for each app"),
    ]

    static let ofTokens: [ConfigurationKey] = [
        ConfigurationKey(
            "access_token_blacklisting", .flag, \.settings.checksDatabase, .app,
            "verification looks at storage (before CDI 2.21)"),
        ConfigurationKey(
            "access_token_signing_key_dynamic", .isDynamic, \.settings.signingKeyKind, .app,
            "new sessions use keys that are replaced (before CDI 2.21)"),
        ConfigurationKey(
            "access_token_signing_key_update_interval", .hours, \.policy.signingKeyUpdateInterval, default: "none",
            [.app, .alias], "the former name of `access_token_dynamic_signing_key_update_interval`"),
        ConfigurationKey(
            "access_token_dynamic_signing_key_update_interval", .hours, \.policy.signingKeyUpdateInterval, .app,
            "hours a dynamic key signs, at least 1"),
        ConfigurationKey(
            "access_token_signing_algorithm",
            .choice([("RS256", .rs256), ("ES256", .es256)]) { "'\($0)' must be either \"RS256\" or \"ES256\"." },
            \.policy.signingAlgorithm, .app, "or `ES256`, for tokens that name their key"),
        ConfigurationKey(
            "rsa_provider", .provider, \.rsaProvider, .own,
            """
            what makes RSA signatures: `boringssl`, or `openssl`, the system's libcrypto, in a program built with the trait \
            `OpenSSL`; `automatic` measures both and takes the faster one ([0023](decisions/0023-rsa-provider.md))
            """),
        ConfigurationKey(
            "enable_anti_csrf", .flag, \.settings.usesAntiCSRF, .app, "sessions use anti-CSRF tokens (before CDI 2.6)"),
    ]
}
