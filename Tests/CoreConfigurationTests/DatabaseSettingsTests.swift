import Testing

@testable import CoreConfiguration

/// Where sessions are, by SuperTokens' keys (docs/specification/core.md 7.2).
struct DatabaseSettingsTests {
    private func database(_ yaml: String, _ environment: [String: String] = [:]) throws -> DatabaseSettings? {
        try OperatorConfiguration(file: (yaml, "/c.yaml"), environment: environment).database
    }

    private func parameters(_ yaml: String, _ environment: [String: String] = [:]) throws -> [String] {
        try database(yaml, environment)?.parameters.map { "\($0.name)=\($0.value)" } ?? []
    }

    @Test("without a user and a URI there is no PostgreSQL, whatever a container platform sets")
    func none() throws {
        #expect(try database("port: 1", ["POSTGRESQL_PORT": "tcp://10.0.0.1:5432", "POSTGRESQL_HOST": "db"]) == nil)
    }

    @Test("a user is enough: the rest has SuperTokens' defaults")
    func user() throws {
        #expect(try parameters("postgresql_user: u") == ["host=localhost", "user=u", "dbname=supertokens"])
        let all = """
            postgresql_user: u
            postgresql_password: p
            postgresql_host: h
            postgresql_port: 5
            postgresql_database_name: d
            postgresql_connection_attributes: allowPublicKeyRetrieval=true&sslmode=require
            """
        #expect(
            try parameters(all)
                == ["host=h", "port=5", "user=u", "password=p", "dbname=d", "sslmode=require"])
    }

    @Test("a URI goes before what else is set, and the environment before the file")
    func uri() throws {
        let environment = ["POSTGRESQL_CONNECTION_URI": "postgresql://b/x", "POSTGRESQL_PORT": "tcp://1.2.3.4:5"]
        #expect(
            try parameters("postgresql_connection_uri: postgresql://a/x\npostgresql_user: u", environment)
                == ["dbname=postgresql://b/x", "user=u"])
    }

    @Test("tables, pool and grouping")
    func tables() throws {
        let yaml = """
            postgresql_user: u
            postgresql_table_schema: s
            postgresql_table_names_prefix: p
            postgresql_session_info_table_name: mine
            postgresql_connection_pool_size: 7
            postgresql_statement_grouping: 1
            postgresql_migrate: false
            """
        let settings = try #require(try database(yaml))
        #expect(settings.schema == "s" && settings.prefix == "p" && settings.tableNames == ["session_info": "mine"])
        #expect(settings.poolSize == 7 && settings.groupLimit == 1 && !settings.migrates)
        #expect("\(settings)" == "DatabaseSettings" && Mirror(reflecting: settings).children.isEmpty)
    }
}
