"""What every administration call is asked and answered with, as texts. Source: spec 7.3, 7.4.

The notation is that of `rpc_struct`. Fields of a call that only one direction uses stand there,
too: real tools send the whole struct, mostly zeros.
"""

from gateway.wire.policy import WIRE_NAMES, Policy
from gateway.wire.rpc_struct import Struct, struct

_FLAGS = frozenset(field for field in WIRE_NAMES if isinstance(getattr(Policy(), field), bool))
_COUNTERS = [
    f"{way}.{what}_u64"
    for way in ("Recv", "Send")
    for what in ("BroadcastBytes", "BroadcastCount", "UnicastBytes", "UnicastCount")
]

TRAFFIC = " ".join(_COUNTERS)
TRAFFIC_OF_ROW = " ".join(f"Ex.{name}" for name in _COUNTERS)
POLICY = " ".join(
    f"policy:{name}_{'bool' if field in _FLAGS else 'u32'}?" for field, name in WIRE_NAMES.items()
)
_RULE_FIELDS = """
    Id_u32 Note_utf Active_bool Priority_u32 Discard_bool SrcIpAddress_ip SrcSubnetMask_ip
    DestIpAddress_ip DestSubnetMask_ip Protocol_u32 SrcPortStart_u32 SrcPortEnd_u32
    DestPortStart_u32 DestPortEnd_u32 SrcUsername_str DestUsername_str CheckSrcMac_bool
    SrcMacAddress_bin/6 SrcMacMask_bin/6 CheckDstMac_bool DstMacAddress_bin/6 DstMacMask_bin/6
    CheckTcpState_bool Established_bool Delay_u32 Jitter_u32 Loss_u32 IsIPv6_bool UniqueId_u32
    RedirectUrl_str SrcIpAddress6_bin/16 SrcSubnetMask6_bin/16 DestIpAddress6_bin/16
    DestSubnetMask6_bin/16
"""
_CONNECTION = f"""
    AccountName_utf ServerName_str ServerProductName_str ProtocolVersion_str? CipherName_str
    SessionName_str ConnectionName_str SessionKey_bin/20 Active_bool Connected_bool
    SessionStatus_u32 ServerPort_u32 ServerProductVer_u32 ServerProductBuild_u32
    NumConnectionsEstablished_u32 HalfConnection_bool QoS_bool MaxTcpConnections_u32
    NumTcpConnections_u32 NumTcpConnectionsUpload_u32 NumTcpConnectionsDownload_u32 UseEncrypt_bool
    UseCompress_bool IsRUDPSession_bool UnderlayProtocol_str ProtocolDetails_str?
    IsUdpAccelerationEnabled_bool IsUsingUdpAcceleration_bool IsBridgeMode_bool IsMonitorMode_bool
    StartTime_dt FirstConnectionEstablisiedTime_dt CurrentConnectionEstablishTime_dt
    TotalSendSize_u64 TotalRecvSize_u64 TotalSendSizeReal_u64 TotalRecvSizeReal_u64 VLanId_u32
    {POLICY} {TRAFFIC} ServerX_bin? ClientX_bin?
"""
_NODE_INFO = """
    ClientProductName_str ClientOsName_str ClientOsVer_str ClientOsProductId_str ClientHostname_str
    ServerHostname_str ProxyHostname_str UniqueId_bin/16 ClientProductVer_u32~
    ClientProductBuild_u32~ ClientIpAddress_ip ClientIpAddress6_bin/16 ClientPort_u32~
    ServerIpAddress_ip ServerIpAddress6_bin/16 ServerPort2_u32~ ProxyIpAddress_ip
    ProxyIpAddress6_bin/16 ProxyPort_u32~
"""
_LINK = f"""
    HubName_Ex_str Online_bool AccountName_utf Hostname_str ProxyName_str ProxyUsername_str
    ProxyPassword_str CustomHttpHeader_str? HubName_str DeviceName_str Port_u32 PortUDP_u32
    ProxyType_u32 ProxyPort_u32 NumRetry_u32 RetryInterval_u32 MaxConnection_u32 UseEncrypt_bool
    UseCompress_bool HalfConnection_bool NoRoutingTracking_bool AdditionalConnectionInterval_u32
    ConnectionDisconnectSpan_u32 HideStatusWindow_bool HideNicInfoWindow_bool
    RequireMonitorMode_bool RequireBridgeRoutingMode_bool DisableQoS_bool FromAdminPack_bool
    NoUdpAcceleration_bool HostUniqueKey_bin/20 BindLocalIP_ip? BindLocalPort_u32? AuthType_u32
    Username_str HashedPassword_bin? PlainPassword_str? ClientX_bin? ClientK_bin?
    SecurePublicCertName_str? SecurePrivateKeyName_str? OpensslEnginePrivateKeyName_str?
    OpensslEngineName_str? {POLICY} CheckServerCert_bool AddDefaultCA_bool? ServerCert_bin?
"""
_USER = f"""
    HubName_str Name_str GroupName_str Realname_utf Note_utf CreatedTime_dt UpdatedTime_dt
    ExpireTime_dt AuthType_u32 HashedKey_bin? NtLmSecureHash_bin? UserX_bin? Serial_bin?
    CommonName_utf? RadiusUsername_utf? NtUsername_utf? NumLogin_u32 {TRAFFIC} UsePolicy_bool?
    {POLICY} Auth_Password_str?
"""
_GROUP = f"HubName_str Name_str Realname_utf Note_utf {TRAFFIC} UsePolicy_bool? {POLICY}"
_HUB = """
    HubName_str HashedPassword_bin/20 SecurePassword_bin/20 Online_bool AdminPasswordPlainText_str
    DefaultGateway_u32? DefaultSubnet_u32? MaxSession_u32 NoEnum_bool HubType_u32
"""
_OPTIONS = "NumItem_u32? HubName_str AdminOptionList[Name_str Value_u32 Descrption_utf]"
_TEST = "IntValue_u32 Int64Value_u64 StrValue_str UniStrValue_utf"
_FARM_SETTING = """
    ServerType_u32 Ports_u32[] PublicIp_ip ControllerName_str ControllerPort_u32
    MemberPassword_bin/20 MemberPasswordPlaintext_str Weight_u32 ControllerOnly_bool
"""
_SECURE_NAT = """
    MacAddress_bin/6 Ip_ip Mask_ip UseNat_bool Mtu_u32 NatTcpTimeout_u32 NatUdpTimeout_u32
    UseDhcp_bool DhcpLeaseIPStart_ip DhcpLeaseIPEnd_ip DhcpSubnetMask_ip DhcpExpireTimeSpan_u32
    DhcpGatewayAddress_ip DhcpDnsServerAddress_ip DhcpDnsServerAddress2_ip DhcpDomainName_str
    SaveLog_bool RpcHubName_str ApplyDhcpPushRoutes_bool DhcpPushRoutes_str
"""
_CRL = """
    HubName_str Key_u32 Serial_bin? CommonName_utf? Organization_utf? Unit_utf? Country_utf?
    State_utf? Local_utf? DigestMD5_bin? DigestSHA1_bin?
"""
_L3_INTERFACE = "Name_str HubName_str IpAddress_ip SubnetMask_ip"
_L3_ROUTE = "Name_str NetworkAddress_ip SubnetMask_ip GatewayAddress_ip Metric_u32"
_HUB_LOG = """
    HubName_str SaveSecurityLog_bool SecurityLogSwitchType_u32 SavePacketLog_bool
    PacketLogSwitchType_u32 PacketLogConfig_u32[]
"""
_FILE = "FilePath_str ServerName_str? Offset_u32 Buffer_bin?"

# Of our own calls; what the reference's cannot say. "Fleet" in a name marks them.
_RATE = " ".join(
    f"Rate.{way}{what}_u64" for way in ("Recv", "Send") for what in ("Bytes", "Frames")
)
_FLEET_STATUS = """
    FleetName_str HubName_str CallerName_utf MayChange_bool NodeName_str Verdict_str CurrentTime_dt
    Product_str NumNodes_u32 NumNodesUp_u32 NumHubs_u32 NumSessions_u32 NumSessionsWaiting_u32
    Warnings_utf[] Notes_utf[]
"""
_FLEET_NODE = f"""
    NodeList[Name_str State_str Mode_str Why_utf IsHost_bool IsDrained_bool NumSessions_u32
    NumSessionsWaiting_u32 NumHubs_u32 NumConnections_u32 Address_str MachineName_utf Version_str
    StartedTime_dt RenewedMs_u64 IsAnswering_bool IsRateKnown_bool {_RATE}]
"""
_FLEET_HUB = f"""
    HubList[HubName_str Kind_str Online_bool State_str NodeName_str NumSessions_u32 MaxSessions_u32
    NumUsers_u32 NumLogin_u32 LastLoginTime_dt IsRateKnown_bool {_RATE} Rate.DroppedFrames_u64]
"""
_FLEET_SESSION = f"""
    HubName_str NumSessions_u32 SessionList[SessionHubName_str Name_str Username_utf NodeName_str
    IsAnswering_bool ClientAddress_str ClientHostName_utf ClientProductName_utf CreatedTime_dt
    NumTcpConnections_u32 TotalRecvBytes_u64 TotalSendBytes_u64 {_RATE}]
"""
_FLEET_EVENT = """
    HubName_str Last_u32 EventList[Id_str Time_dt What_str Why_utf NodeName_str EventHubName_str
    ByName_str Epoch_u64]
"""

_TEXTS: dict[str, str] = {
    "GetFleetStatus": _FLEET_STATUS,
    "EnumFleetNode": _FLEET_NODE,
    "EnumFleetHub": _FLEET_HUB,
    "EnumFleetSession": _FLEET_SESSION,
    "EnumFleetEvent": _FLEET_EVENT,
    "SetFleetNodeMode": "NodeName_str Mode_str Rate_u32",
    "MoveFleetHub": "HubName_str NodeName_str",
    "Test Flush RebootServer AddLicenseKey DelLicenseKey SetEnableEthVLan Crash Debug "
    "ChangeDDnsClientHostname RegenerateServerCert": _TEST,
    "GetServerInfo": """
        ServerProductName_str ServerVersionString_str ServerBuildInfoString_str ServerVerInt_u32
        ServerBuildInt_u32 ServerHostName_str ServerType_u32 ServerBuildDate_dt
        ServerFamilyName_str OsType_u32 OsServicePack_u32 OsSystemName_str OsProductName_str
        OsVendorName_str OsVersion_str KernelName_str KernelVersion_str""",
    "GetServerStatus": f"""
        ServerType_u32 NumHubTotal_u32 NumHubStandalone_u32 NumHubStatic_u32 NumHubDynamic_u32
        NumSessionsTotal_u32 NumSessionsLocal_u32 NumSessionsRemote_u32 NumTcpConnections_u32
        NumTcpConnectionsLocal_u32 NumTcpConnectionsRemote_u32 NumMacTables_u32 NumIpTables_u32
        NumUsers_u32 NumGroups_u32 CurrentTime_dt CurrentTick_u64 AssignedBridgeLicenses_u32
        AssignedClientLicenses_u32 AssignedBridgeLicensesTotal_u32 AssignedClientLicensesTotal_u32
        StartTime_dt {TRAFFIC} TotalMemory_u64 UsedMemory_u64 FreeMemory_u64 TotalPhys_u64
        UsedPhys_u64 FreePhys_u64""",
    "CreateListener DeleteListener EnableListener": "Port_u32 Enable_bool",
    "EnumListener": "ListenerList[Ports_u32 Enables_bool Errors_bool]",
    "SetPortsUDP GetPortsUDP": "Ports_u32[]",
    "SetProtoOptions GetProtoOptions": "Protocol_str Name_str[] Type_u32[] Value_bin[]",
    "SetServerPassword": "HashedPassword_bin/20 PlainTextPassword_str",
    "SetFarmSetting GetFarmSetting": _FARM_SETTING,
    "GetFarmInfo": """
        Id_u32 Controller_bool ConnectedTime_dt Ip_ip Hostname_str Point_u32 Ports_u32[]
        ServerCert_bin? HubsList[HubName_str DynamicHub_bool] NumSessions_u32 NumTcpConnections_u32
        Weight_u32""",
    "EnumFarmMember": """
        FarmMemberList[Id_u32 Controller_bool ConnectedTime_dt Ip_ip Hostname_str Point_u32
        NumSessions_u32 NumTcpConnections_u32 NumHubs_u32 AssignedClientLicense_u32
        AssignedBridgeLicense_u32]""",
    "GetFarmConnectionStatus": """
        Ip_ip Port_u32 Online_bool LastError_u32 StartedTime_dt CurrentConnectedTime_dt
        FirstConnectedTime_dt NumConnected_u32 NumTry_u32 NumFailed_u32""",
    "SetServerCert GetServerCert": "Cert_bin? Chain_bin? Key_bin? Flag1_u32",
    "GetServerCipherList GetServerCipher SetServerCipher": "String_str",
    "AddWgk DeleteWgk EnumWgk": "Key_str[] Hub_str[] User_str[]",
    "CreateHub SetHub GetHub": _HUB,
    "EnumHub": f"""
        HubList[HubName_str Online_bool HubType_u32 NumSessions_u32 NumUsers_u32 NumGroups_u32
        NumMacTables_u32 NumIpTables_u32 LastCommTime_dt CreatedTime_dt LastLoginTime_dt
        NumLogin_u32 IsTrafficFilled_bool {TRAFFIC_OF_ROW}]""",
    "DeleteHub": "HubName_str",
    "GetHubRadius SetHubRadius": """
        RadiusServerName_str RadiusPort_u32 HubName_str RadiusSecret_str RadiusRetryInterval_u32
        RadiusRetryTimeout_u32?""",
    "EnumConnection": """
        ConnectionList[Ip_ip Port_u32 Name_str Hostname_str ConnectedTime_dt Type_u32]""",
    "DisconnectConnection": "Name_str",
    "GetConnectionInfo": """
        Name_str Ip_ip Port_u32 ConnectedTime_dt Hostname_str ServerStr_str ClientStr_str
        ServerVer_u32 ServerBuild_u32 ClientVer_u32 ClientBuild_u32 Type_u32""",
    "SetHubOnline": "HubName_str Online_bool",
    "GetHubStatus": f"""
        HubName_str Online_bool HubType_u32 NumSessions_u32 NumSessionsClient_u32
        NumSessionsBridge_u32 NumAccessLists_u32 NumUsers_u32 NumGroups_u32 NumMacTables_u32
        NumIpTables_u32 SecureNATEnabled_bool {TRAFFIC} LastCommTime_dt CreatedTime_dt
        LastLoginTime_dt NumLogin_u32""",
    "SetHubLog GetHubLog": _HUB_LOG,
    "AddCa": "HubName_str Cert_bin?",
    "EnumCa": "HubName_str CAList[Key_u32 SubjectName_utf IssuerName_utf Expires_dt]",
    "GetCa": "HubName_str Key_u32 Cert_bin?",
    "DeleteCa": "HubName_str Key_u32",
    "SetLinkOnline SetLinkOffline DeleteLink": "HubName_str AccountName_utf",
    "RenameLink": "HubName_str OldAccountName_utf NewAccountName_utf",
    "CreateLink GetLink SetLink": _LINK,
    "EnumLink": """
        HubName_str NumItem_u32? LinkList[AccountName_utf ConnectedHubName_str? Hostname_str
        Online_bool ConnectedTime_dt Connected_bool LastError_u32 TargetHubName_str]""",
    "GetLinkStatus": f"HubName_Ex_str {_CONNECTION}",
    "AddAccess": "HubName_str " + " ".join(f"{name}[]" for name in _RULE_FIELDS.split()),
    "DeleteAccess": "HubName_str Id_u32",
    "EnumAccess SetAccessList": f"HubName_str AccessList[{_RULE_FIELDS}]",
    "CreateUser SetUser GetUser": _USER,
    "DeleteUser DeleteGroup": "HubName_str Name_str",
    "EnumUser": f"""
        HubName_str UserList[Name_str GroupName_str Realname_utf Note_utf AuthType_u32
        LastLoginTime_dt NumLogin_u32 DenyAccess_bool IsTrafficFilled_bool {TRAFFIC_OF_ROW}
        IsExpiresFilled_bool Expires_dt]""",
    "CreateGroup SetGroup GetGroup": _GROUP,
    "EnumGroup": """
        HubName_str GroupList[Name_str Realname_utf Note_utf NumUsers_u32 DenyAccess_bool]""",
    "EnumSession": """
        HubName_str SessionList[Name_str Username_str Ip_ip ClientIP_ip Hostname_str MaxNumTcp_u32
        CurrentNumTcp_u32 PacketSize_u64 PacketNum_u64 RemoteSession_bool RemoteHostname_str
        LinkMode_bool SecureNATMode_bool BridgeMode_bool Layer3Mode_bool Client_BridgeMode_bool
        Client_MonitorMode_bool VLanId_u32 UniqueId_bin/16 IsDormantEnabled_bool IsDormant_bool
        LastCommDormant_dt CreatedTime_dt LastCommTime_dt]""",
    "GetSessionStatus": f"""
        HubName_str Name_str Username_str GroupName_str RealUsername_str SessionStatus_ClientIp_ip
        SessionStatus_ClientIp6_bin/16 SessionStatus_ClientHostName_str Client_Ip_Address_ip
        {_CONNECTION} {_NODE_INFO}""",
    "DeleteSession": "HubName_str Name_str",
    "EnumMacTable": """
        HubName_str MacTable[Key_u32 SessionName_str MacAddress_bin/6 VlanId_u32 CreatedTime_dt
        UpdatedTime_dt RemoteItem_bool RemoteHostname_str]""",
    "DeleteMacTable DeleteIpTable": "HubName_str Key_u32",
    "EnumIpTable": """
        HubName_str IpTable[Key_u32 SessionName_str Ip_ip IpV6_ip IpAddress_ip DhcpAllocated_bool
        CreatedTime_dt UpdatedTime_dt RemoteItem_bool RemoteHostname_str]""",
    "SetKeep GetKeep": """
        UseKeepConnect_bool KeepConnectHost_str KeepConnectPort_u32 KeepConnectProtocol_u32
        KeepConnectInterval_u32""",
    "EnableSecureNAT DisableSecureNAT": "HubName_str",
    "SetSecureNATOption GetSecureNATOption": _SECURE_NAT,
    "EnumNAT": """
        NumItem_u32 HubName_str NatTable[Id_u32 Protocol_u32 SrcIp_ip SrcHost_str SrcPort_u32
        DestIp_ip DestHost_str DestPort_u32 CreatedTime_dt LastCommTime_dt SendSize_u64
        RecvSize_u64 TcpStatus_u32]""",
    "EnumDHCP": """
        NumItem_u32 HubName_str DhcpTable[Id_u32 LeasedTime_dt ExpireTime_dt MacAddress_bin/6
        IpAddress_ip Mask_u32 Hostname_str]""",
    "GetSecureNATStatus": """
        HubName_str NumTcpSessions_u32 NumUdpSessions_u32 NumIcmpSessions_u32 NumDnsSessions_u32
        NumDhcpClients_u32 IsKernelMode_bool IsRawIpMode_bool""",
    "EnumEthernet": "NumItem_u32? EthList[DeviceName_str NetworkConnectionName_utf]",
    "AddLocalBridge DeleteLocalBridge": "DeviceName_str HubNameLB_str TapMode_bool",
    "EnumLocalBridge": """
        NumItem_u32? LocalBridgeList[DeviceName_str HubNameLB_str Online_bool Active_bool
        TapMode_bool]""",
    "GetBridgeSupport": "IsBridgeSupportedOs_bool IsWinPcapNeeded_bool",
    "GetConfig SetConfig": "FileName_str FileData_bin?",
    "GetDefaultHubAdminOptions GetHubAdminOptions SetHubAdminOptions GetHubExtOptions "
    "SetHubExtOptions": _OPTIONS,
    "AddL3Switch DelL3Switch StartL3Switch StopL3Switch": "Name_str",
    "EnumL3Switch": """
        NumItem_u32? L3SWList[Name_str NumInterfaces_u32 NumTables_u32 Active_bool Online_bool]""",
    "AddL3If DelL3If": _L3_INTERFACE,
    "EnumL3If": "NumItem_u32? Name_str L3IFList[HubName_str IpAddress_ip SubnetMask_ip]",
    "AddL3Table DelL3Table": _L3_ROUTE,
    "EnumL3Table": """
        NumItem_u32? Name_str
        L3Table[NetworkAddress_ip SubnetMask_ip GatewayAddress_ip Metric_u32]""",
    "EnumCrl": "HubName_str NumItem_u32? CRLList[Key_u32 CrlInfo_utf]",
    "AddCrl DelCrl GetCrl SetCrl": _CRL,
    "SetAcList GetAcList": """
        NumItem_u32? HubName_str
        ACList[Id_u32 Deny_bool IpAddress_ip Masked_bool SubnetMask_ip Priority_u32]""",
    "EnumLogFile": """
        NumItem_u32? LogFiles[FilePath_str ServerName_str FileSize_u32 UpdatedTime_dt]""",
    "ReadLogFile MakeOpenVpnConfigFile": _FILE,
    "EnumLicenseKey": """
        NumItem_u32? LicenseKeyList[Id_u32 LicenseKey_str LicenseId_str LicenseName_str Expires_dt
        Status_u32 ProductId_u32 SystemId_u64 SerialId_u32]""",
    "GetLicenseStatus": """
        EditionId_u32 EditionStr_str SystemId_u64 SystemExpires_dt NumClientConnectLicense_u32
        NumBridgeConnectLicense_u32 NeedSubscription_bool AllowEnterpriseFunction_bool
        SubscriptionExpires_dt IsSubscriptionExpired_bool NumUserCreationLicense_u32
        ReleaseDate_dt""",
    "SetSysLog GetSysLog": "SaveType_u32 Port_u32 Hostname_str",
    "EnumEthVLan": """
        Devices[DeviceName_str Guid_str DeviceInstanceId_str DriverName_str DriverType_str
        Support_bool Enabled_bool]""",
    "SetHubMsg GetHubMsg GetAdminMsg": "HubName_str Msg_bin?",
    "SetIPsecServices GetIPsecServices": """
        L2TP_Raw_bool L2TP_IPsec_bool EtherIP_IPsec_bool IPsec_Secret_str L2TP_DefaultHub_str""",
    "AddEtherIpId GetEtherIpId DeleteEtherIpId": "Id_str HubName_str UserName_str Password_str",
    "EnumEtherIpId": "NumItem_u32? Settings[Id_str HubName_str UserName_str Password_str]",
    "SetOpenVpnSstpConfig GetOpenVpnSstpConfig": "EnableOpenVPN_bool EnableSSTP_bool",
    "GetDDnsClientStatus": """
        Err_IPv4_u32 Err_IPv6_u32 CurrentHostName_str CurrentFqdn_str DnsSuffix_str CurrentIPv4_str
        CurrentIPv6_str ErrStr_IPv4_utf ErrStr_IPv6_utf""",
    "SetSpecialListener GetSpecialListener": "VpnOverIcmpListener_bool VpnOverDnsListener_bool",
    "GetAzureStatus SetAzureStatus": "IsConnected_bool IsEnabled_bool",
    "GetDDnsInternetSetting SetDDnsInternetSetting": """
        ProxyType_u32 ProxyHostName_str ProxyPort_u32 ProxyUsername_str ProxyPassword_str
        CustomHttpHeader_str""",
    # Each capability is an element `caps_<name>` of its own as well: see `gateway.admin.caps`.
    "GetCaps": "CapsList[CapsName_str CapsValue_u32 CapsDescrption_utf]",
}

STRUCTS: dict[str, Struct] = {
    name: struct(text) for names, text in _TEXTS.items() for name in names.split()
}
"""By the name of the function."""
