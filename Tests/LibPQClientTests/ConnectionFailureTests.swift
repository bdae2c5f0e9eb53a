import Testing

@testable import LibPQClient

@Suite("Attempts to connect that fail")
struct ConnectionFailureTests {
    /// libpq's verbose message of a rejection by a server in German.
    private static let german = """
        connection to server at "127.0.0.1", port 5432 failed: FATAL:  28P01: Passwort-Authentifizierung für Benutzer \
        »a« fehlgeschlagen
        LOCATION:  auth_failed, auth.c:326

        """

    @Test("the code is taken out of a verbose message, which reads like a usual one then")
    func message() {
        let failure = ConnectionFailure(verbose: Self.german)
        #expect(failure.code == "28P01")
        #expect(
            failure.message == """
                connection to server at "127.0.0.1", port 5432 failed: FATAL:  Passwort-Authentifizierung für Benutzer \
                »a« fehlgeschlagen
                """)
    }

    @Test("of several servers the last that answered counts")
    func several() {
        let failure = ConnectionFailure(
            verbose: """
                connection to server at "a", port 1 failed: FATAL:  57P03: the database system is starting up
                LOCATION:  ProcessStartupPacket, postmaster.c:2301
                connection to server at "b", port 1 failed: Connection refused
                \tIs the server running on that host and accepting TCP/IP connections?
                """)
        #expect(failure.code == "57P03" && failure.message.hasSuffix("accepting TCP/IP connections?"))
    }

    @Test("what looks like a code is none after other words")
    func noCode() {
        for text in ["could not connect: ABCDE: no", "FATAL:  short: no", "FATAL:  28p01: no", ""] {
            #expect(ConnectionFailure(verbose: text).code == nil, "\(text)")
        }
        #expect(ConnectionFailure(verbose: "\n").message == "the connection was closed")
    }

    @Test(
        "a code decides whether waiting can help",
        arguments: [
            ("28P01", true), ("28000", true), ("3D000", true), ("3F000", true), ("42501", true), ("22023", true),
            ("57P03", false), ("53300", false), ("57P01", false), ("25006", false), ("08006", false),
        ])
    func codes(_ code: String, _ isPermanent: Bool) {
        let failure = ConnectionFailure(verbose: "connection failed: FATAL:  \(code): no password, invalid")
        let error = failure.error(lacksPassword: false, isLocal: false)
        #expect(error == (isPermanent ? .unusable(failure.message) : .unavailable(failure.message)))
    }

    @Test("without a code, a missing password and a parameter that libpq cannot use are permanent")
    func local() {
        let refused = ConnectionFailure(verbose: "connection to server failed: Connection refused")
        #expect(refused.error(lacksPassword: false, isLocal: true) == .unavailable(refused.message))
        #expect(refused.error(lacksPassword: true, isLocal: false) == .unusable(refused.message))
        let invalid = ConnectionFailure(verbose: "invalid sslmode value: \"no\"")
        #expect(invalid.error(lacksPassword: false, isLocal: true) == .unusable(invalid.message))
        #expect(invalid.error(lacksPassword: false, isLocal: false) == .unavailable(invalid.message))
    }

    @Test("the address has neither user nor password, whatever form the parameters have")
    func address() {
        for parameters in [
            [("dbname", "postgresql://u:hunter2@h:1/x")],
            [("dbname", "host=h port=1 dbname=x user=u password=hunter2")],
            [("host", "h"), ("port", "1"), ("dbname", "x"), ("user", "u"), ("password", "hunter2")],
        ] {
            let settings = ClientSettings(
                parameters: parameters, connections: 1, batchLimit: 1, queueLimit: 1, deadline: .seconds(1))
            #expect(settings.address == "PostgreSQL h:1/x")
        }
        let broken = ClientSettings(
            parameters: [("dbname", "postgresql://u:hunter2@[h")], connections: 1, batchLimit: 1, queueLimit: 1,
            deadline: .seconds(1))
        #expect(broken.address == "PostgreSQL local:5432/")
    }
}
