// swift-tools-version: 6.2
// What `make bench` runs beside the core.

import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

let package = Package(
    name: "tessera-benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "tessera", path: "..", traits: ["OpenSSL"]),
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1", traits: []),
    ],
    targets: [
        .executableTarget(
            name: "SDKBenchmark",
            dependencies: [
                .product(name: "Tessera", package: "tessera"),
                .product(name: "TesseraInProcess", package: "tessera"),
                .product(name: "TesseraHummingbird", package: "tessera"),
                .product(name: "SessionService", package: "tessera"),
                .product(name: "InMemoryStorage", package: "tessera"),
                .product(name: "SessionEngine", package: "tessera"),
                .product(name: "LosslessJSON", package: "tessera"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "CryptoExtras", package: "swift-crypto"),
            ],
            path: "SDK",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "FeedBenchmark",
            dependencies: [
                .product(name: "Tessera", package: "tessera"),
                .product(name: "TesseraRemoteCore", package: "tessera"),
                .product(name: "TesseraSessions", package: "tessera"),
                .product(name: "SessionEngine", package: "tessera"),
            ],
            path: "Feed",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "BareResponder",
            dependencies: [
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            path: "Bare",
            swiftSettings: settings
        ),
    ]
)
