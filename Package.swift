// swift-tools-version: 6.2
// Tessera: session management for the open internet.

import PackageDescription

/// The compiler settings of every target: Swift 6, nothing implicit, warnings are errors.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

let crypto: [Target.Dependency] = [
    .product(name: "Crypto", package: "swift-crypto"),
    .product(name: "CryptoExtras", package: "swift-crypto"),
]

let package = Package(
    name: "tessera",
    platforms: [.macOS(.v15), .iOS(.v18)],
    products: [
        .executable(name: "tessera", targets: ["TesseraCommand"]),
        .library(name: "LosslessJSON", targets: ["LosslessJSON"]),
        .library(name: "SessionEngine", targets: ["SessionEngine"]),
        .library(name: "SessionStorage", targets: ["SessionStorage"]),
        .library(name: "InMemoryStorage", targets: ["InMemoryStorage"]),
        .library(name: "SessionStorageTesting", targets: ["SessionStorageTesting"]),
        .library(name: "SQLiteStorage", targets: ["SQLiteStorage"]),
        .library(name: "PostgresStorage", targets: ["PostgresStorage"]),
        .library(name: "SessionService", targets: ["SessionService"]),
        .library(name: "SessionImport", targets: ["SessionImport"]),
        .library(name: "CoreDriverInterface", targets: ["CoreDriverInterface"]),
        .library(name: "CoreServer", targets: ["CoreServer"]),
        .library(name: "PublicSuffixList", targets: ["PublicSuffixList"]),
        // Sessions of a Swift server: with Hummingbird and a file, with Hummingbird and a core elsewhere, or their parts.
        .library(name: "TesseraHummingbird", targets: ["TesseraHummingbird", "Tessera"]),
        .library(name: "TesseraHummingbirdRemote", targets: ["TesseraHummingbird", "TesseraRemoteCore"]),
        .library(name: "Tessera", targets: ["Tessera"]),
        .library(name: "TesseraSessions", targets: ["TesseraSessions"]),
        .library(name: "TesseraInProcess", targets: ["TesseraInProcess"]),
        .library(name: "TesseraFirstGeneration", targets: ["TesseraFirstGeneration"]),
        .library(name: "TesseraRemoteCore", targets: ["TesseraRemoteCore"]),
        .library(name: "TesseraTesting", targets: ["TesseraTesting"]),
        // Sessions of an app or a command-line tool: on Linux with AsyncHTTPClient, on Apple systems with URLSession.
        .library(name: "TesseraClient", targets: ["TesseraClient"]),
        .library(name: "TesseraClientAsyncHTTP", targets: ["TesseraClientAsyncHTTP"]),
        .library(name: "TesseraClientTesting", targets: ["TesseraClientTesting"]),
        .library(name: "TesseraHummingbirdTesting", targets: ["TesseraHummingbirdTesting"]),
    ],
    traits: [
        .trait(name: "PostgreSQL", description: "Storage in PostgreSQL for the core; needs libpq when it runs."),
        .trait(name: "OpenSSL", description: "RSA signatures by the system's libcrypto; needs it (libssl-dev)."),
        .default(enabledTraits: []),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-distributed-tracing.git", from: "1.7.3"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics.git", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1", traits: []),
        .package(url: "https://github.com/swift-server/async-http-client.git", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
    ],
    targets: [
        .target(name: "LosslessJSON", swiftSettings: settings),
        .target(name: "PlatformLibC", swiftSettings: settings),
        .target(name: "Foundations", dependencies: ["PlatformLibC"], swiftSettings: settings),
        .target(
            name: "SessionEngine", dependencies: ["Foundations", "LosslessJSON"] + crypto, swiftSettings: settings),
        .target(
            name: "RevocationFeed",
            dependencies: ["Foundations", "LosslessJSON", .product(name: "Crypto", package: "swift-crypto")],
            swiftSettings: settings),
        .target(
            name: "EdgeVerdicts",
            dependencies: ["Foundations", "LosslessJSON", "SessionEngine", "RevocationFeed"],
            swiftSettings: settings),
        .target(
            name: "SessionStorage", dependencies: ["Foundations", "LosslessJSON", "SessionEngine"],
            swiftSettings: settings),
        .target(
            name: "InMemoryStorage", dependencies: ["Foundations", "SessionStorage", "SessionEngine", "LosslessJSON"],
            swiftSettings: settings),
        .target(
            name: "SessionStorageTesting",
            dependencies: ["SessionStorage", "SessionEngine", "LosslessJSON"],
            swiftSettings: settings
        ),
        .systemLibrary(
            name: "CTesseraSQLite",
            pkgConfig: "sqlite3",
            providers: [.apt(["libsqlite3-dev"]), .brew(["sqlite"])]
        ),
        .target(
            name: "SQLiteStorage",
            dependencies: [
                "Foundations", "PlatformLibC", "CTesseraSQLite", "SessionStorage", "SessionEngine", "LosslessJSON",
            ] + crypto,
            swiftSettings: settings
        ),
        .target(name: "LibPQFunctions"),
        .target(
            name: "LibPQClient",
            dependencies: [
                "Foundations", "PlatformLibC", "LibPQFunctions", .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "PostgresStorage",
            dependencies: [
                "Foundations", "PlatformLibC", "LibPQClient", "SessionStorage", "SessionEngine", "LosslessJSON",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings
        ),
        .systemLibrary(
            name: "CTesseraOpenSSL",
            pkgConfig: "libcrypto",
            providers: [.apt(["libssl-dev"]), .brew(["openssl"])]
        ),
        .target(
            name: "SessionService",
            dependencies: [
                "Foundations", "PlatformLibC", .target(name: "CTesseraOpenSSL", condition: .when(traits: ["OpenSSL"])),
                "SessionStorage", "SessionEngine", "RevocationFeed",
                "LosslessJSON",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ] + crypto,
            swiftSettings: settings
        ),
        .systemLibrary(name: "CTesseraPKCS11"),
        .target(
            name: "SignerAgent",
            dependencies: [
                "CTesseraPKCS11", "Foundations", "PlatformLibC", "SessionService", "SessionStorage", "SessionEngine",
                "LosslessJSON",
            ] + crypto,
            swiftSettings: settings
        ),
        .target(
            name: "SessionImport",
            dependencies: ["Foundations", "PlatformLibC", "SessionStorage", "SessionEngine", "LosslessJSON"] + crypto,
            swiftSettings: settings
        ),
        .target(name: "CPublicSuffixList", exclude: ["NOTICE.md", "public_suffix_list.dat"]),
        .target(name: "PublicSuffixList", dependencies: ["CPublicSuffixList"], swiftSettings: settings),
        .target(name: "OperatorTools", swiftSettings: settings),
        .target(
            name: "SessionDoctor", dependencies: ["Foundations", "LosslessJSON", "PublicSuffixList"],
            swiftSettings: settings),
        .target(
            name: "TesseraSessions",
            dependencies: [
                "Foundations", "PublicSuffixList", "SessionEngine", "LosslessJSON",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "Tessera",
            dependencies: [
                "PlatformLibC", "TesseraSessions", "TesseraInProcess", "InMemoryStorage", "SQLiteStorage",
                "SessionService", "SessionStorage", "SessionEngine",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "TesseraInProcess",
            dependencies: [
                "Foundations", "TesseraSessions", "SessionService", "SessionStorage", "SessionEngine", "LosslessJSON",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "TesseraFirstGeneration",
            dependencies: [
                "TesseraSessions", "SessionEngine", "LosslessJSON",
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "TesseraHummingbird",
            dependencies: [
                "TesseraSessions", "SessionEngine", "LosslessJSON",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "TesseraRemoteCore",
            dependencies: [
                "Foundations", "EdgeVerdicts", "RevocationFeed", "TesseraSessions", "CoreDriverInterface",
                "SessionEngine", "LosslessJSON",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "TesseraClient",
            dependencies: [
                "Foundations", "PlatformLibC", "LosslessJSON", .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Crypto", package: "swift-crypto"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "TesseraClientAsyncHTTP",
            dependencies: [
                "TesseraClient", .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "TesseraClientTesting",
            dependencies: [
                "Foundations", "LosslessJSON", "TesseraClient",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Crypto", package: "swift-crypto"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "TesseraTesting",
            dependencies: [
                "Foundations", "TesseraSessions", "TesseraInProcess", "SessionService", "SessionStorage",
                "InMemoryStorage",
                "SessionEngine", "LosslessJSON",
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "TesseraHummingbirdTesting",
            dependencies: [
                "TesseraSessions", "TesseraTesting",
                .product(name: "HummingbirdTesting", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "CoreDriverInterface",
            dependencies: ["Foundations", "SessionEngine", "LosslessJSON"],
            swiftSettings: settings
        ),
        .systemLibrary(name: "CTesseraMalloc"),
        .target(
            name: "CoreServer",
            dependencies: [
                "CTesseraMalloc", "Foundations", "PlatformLibC", "CoreDriverInterface", "OperatorMetrics",
                "OperatorTracing", "SessionService",
                "SessionStorage", "EdgeVerdicts", "RevocationFeed",
                "SessionEngine", "LosslessJSON",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings
        ),
        .systemLibrary(
            name: "CTesseraYAML",
            pkgConfig: "yaml-0.1",
            providers: [.apt(["libyaml-dev"]), .brew(["libyaml"])]
        ),
        .target(
            name: "CoreConfiguration",
            dependencies: [
                "Foundations", "CTesseraYAML", "CoreServer", "CoreDriverInterface", "SessionService", "SessionStorage",
                "SessionEngine",
                "LosslessJSON",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "OperatorLog",
            dependencies: [
                "Foundations", "PlatformLibC", "LosslessJSON", .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "OperatorMetrics",
            dependencies: ["PlatformLibC", .product(name: "CoreMetrics", package: "swift-metrics")],
            swiftSettings: settings
        ),
        .target(name: "OperatorTracing", dependencies: ["Foundations", "LosslessJSON"], swiftSettings: settings),
        .executableTarget(
            name: "TesseraCommand",
            dependencies: [
                "CTesseraMalloc", "Foundations", "PlatformLibC", "CoreConfiguration", "CoreServer", "SQLiteStorage",
                .target(name: "PostgresStorage", condition: .when(traits: ["PostgreSQL"])),
                "SessionService", "SessionEngine", "SessionStorage", "CoreDriverInterface", "LosslessJSON",
                "OperatorLog", "OperatorMetrics", "OperatorTools", "OperatorTracing", "PublicSuffixList",
                "SessionDoctor", "SessionImport", "EdgeVerdicts", "RevocationFeed",
                "SignerAgent",
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ] + crypto,
            swiftSettings: settings
        ),
        .target(
            name: "TestSupport",
            dependencies: ["Foundations", "PlatformLibC", "SessionEngine", "RevocationFeed", "LosslessJSON"] + crypto,
            path: "Tests/TestSupport",
            swiftSettings: settings
        ),
        .target(
            name: "TrialSupport",
            dependencies: [
                "Foundations", "PlatformLibC", "SessionService", "SessionStorage", "SessionStorageTesting",
                "InMemoryStorage", "SessionEngine", "LosslessJSON", "TestSupport",
            ],
            path: "Tests/TrialSupport",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "Trials",
            dependencies: [
                "TrialSupport", "TestSupport", "CoreServer", "SQLiteStorage",
                .target(name: "PostgresStorage", condition: .when(traits: ["PostgreSQL"])), "SessionService",
                "SessionStorage", "SessionStorageTesting", "SessionEngine", "LosslessJSON",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Tests/Trials",
            swiftSettings: settings
        ),
        .testTarget(name: "TrialTests", dependencies: ["TrialSupport", "SessionEngine"], swiftSettings: settings),
        .testTarget(
            name: "TesseraClientTests",
            dependencies: [
                "Foundations", "TesseraClient", "TesseraClientTesting", "LosslessJSON", "PlatformLibC",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ],
            swiftSettings: settings
        ),
        .testTarget(name: "FoundationsTests", dependencies: ["Foundations"], swiftSettings: settings),
        .testTarget(
            name: "RevocationFeedTests",
            dependencies: ["RevocationFeed", "Foundations", "LosslessJSON", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "EdgeVerdictsTests",
            dependencies: [
                "EdgeVerdicts", "RevocationFeed", "SessionEngine", "Foundations", "LosslessJSON", "TestSupport",
            ] + crypto,
            swiftSettings: settings),
        .testTarget(
            name: "LosslessJSONTests", dependencies: ["LosslessJSON", "TestSupport"], swiftSettings: settings),
        .testTarget(
            name: "SessionEngineTests",
            dependencies: ["Foundations", "SessionEngine", "LosslessJSON", "TestSupport"] + crypto,
            resources: [.copy("Vectors")],
            swiftSettings: settings
        ),
        .testTarget(
            name: "SessionStorageTests",
            dependencies: [
                "Foundations", "PlatformLibC", "SessionStorage", "InMemoryStorage", "SessionStorageTesting",
                "SQLiteStorage", "CTesseraSQLite", "SessionEngine", "LosslessJSON",
                "TestSupport",
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "LibPQClientTests",
            dependencies: ["LibPQClient", "Foundations"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "PostgresStorageTests",
            dependencies: [
                "Foundations", "PostgresStorage", "LibPQClient", "SessionStorage", "SessionStorageTesting",
                "SessionService",
                "SessionEngine",
                "LosslessJSON", "TestSupport", .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "SessionServiceTests",
            dependencies: [
                "Foundations", "SessionService", "SessionStorage", "InMemoryStorage", "SessionStorageTesting",
                "SQLiteStorage", "SessionEngine", "RevocationFeed",
                "LosslessJSON", "TestSupport",
                .product(name: "Logging", package: "swift-log"),
            ] + crypto,
            swiftSettings: settings
        ),
        .testTarget(
            name: "SignerAgentTests",
            dependencies: [
                "SignerAgent", "Foundations", "PlatformLibC", "SessionService", "SessionStorage", "InMemoryStorage",
                "SessionEngine", "LosslessJSON", "TestSupport",
            ] + crypto,
            swiftSettings: settings
        ),
        .testTarget(
            name: "SessionImportTests",
            dependencies: [
                "Foundations", "SessionImport", "SessionService", "SessionStorage", "InMemoryStorage",
                "SessionStorageTesting", "SQLiteStorage",
                "SessionEngine", "LosslessJSON", "TestSupport",
            ] + crypto,
            resources: [.copy("Schemas")],
            swiftSettings: settings
        ),
        .testTarget(name: "OperatorToolsTests", dependencies: ["OperatorTools"], swiftSettings: settings),
        .testTarget(
            name: "SessionDoctorTests",
            dependencies: ["SessionDoctor", "Foundations", "LosslessJSON", "PublicSuffixList"],
            swiftSettings: settings),
        .testTarget(name: "PublicSuffixListTests", dependencies: ["PublicSuffixList"], swiftSettings: settings),
        .testTarget(
            name: "TesseraFirstGenerationTests",
            dependencies: [
                "TesseraSessions", "TesseraFirstGeneration", "TesseraTesting", "SessionEngine", "LosslessJSON",
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "TesseraHummingbirdTests",
            dependencies: [
                "Tessera", "TesseraHummingbirdTesting", "TesseraSessions", "TesseraHummingbird", "TesseraTesting",
                "SessionService", "SessionEngine", "LosslessJSON", "Foundations", "TestSupport", "TesseraClient",
                "SessionStorage", "SessionStorageTesting", "InMemoryStorage", "TesseraInProcess",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdTesting", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "TesseraRemoteCoreTests",
            dependencies: [
                "Foundations", "EdgeVerdicts", "RevocationFeed", "TesseraSessions", "TesseraInProcess",
                "TesseraRemoteCore",
                "TesseraTesting", "CoreServer",
                "SessionService", "SessionStorage", "InMemoryStorage", "SessionEngine", "LosslessJSON", "TestSupport",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "TesseraTests",
            dependencies: [
                "Tessera", "PublicSuffixList", "Foundations", "TesseraSessions", "TesseraInProcess", "InMemoryStorage",
                "SQLiteStorage", "TesseraTesting",
                "SessionService",
                "SessionStorage",
                "SessionEngine",
                "LosslessJSON", "TestSupport",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
            ] + crypto,
            swiftSettings: settings
        ),
        .testTarget(
            name: "CoreDriverInterfaceTests",
            dependencies: ["CoreDriverInterface", "SessionEngine", "LosslessJSON"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "CoreConfigurationTests",
            dependencies: [
                "CoreConfiguration", "CoreServer", "CoreDriverInterface", "SessionService", "SessionStorage",
                "SessionEngine",
                "LosslessJSON",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "OperatorLogTests",
            dependencies: [
                "OperatorLog", "PlatformLibC", "LosslessJSON", .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "OperatorMetricsTests",
            dependencies: ["OperatorMetrics", .product(name: "CoreMetrics", package: "swift-metrics")],
            swiftSettings: settings
        ),
        .testTarget(
            name: "OperatorTracingTests", dependencies: ["OperatorTracing", "Foundations", "LosslessJSON"],
            swiftSettings: settings),
        .testTarget(
            name: "CoreServerTests",
            dependencies: [
                "Foundations", "OperatorMetrics", "OperatorTracing", "CoreServer", "CoreConfiguration",
                "CoreDriverInterface",
                "SessionService",
                "SessionStorage", "InMemoryStorage", "SessionStorageTesting", "SQLiteStorage", "SessionEngine",
                "LosslessJSON", "TestSupport", "RevocationFeed", "EdgeVerdicts",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ] + crypto,
            resources: [.copy("Recordings")],
            swiftSettings: settings
        ),
    ]
)
