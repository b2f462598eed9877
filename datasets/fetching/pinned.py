"""The nine UCI sets: their columns, and checksums of all that is fetched or computed."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Pinned:
    """A set with the checksums of its source file, its numbers and its splits.

    Parameters
    ----------
    name : str
        Name of the set.
    source_name : str
        Name of its folder at the source.
    header : str
        Names of the columns in the order of the source, separated by commas; those before
        ``target`` are features.
    target : str
        Name of the target.
    random_splits : int
        Number of published random splits.
    source_sha256 : str
        Hash of the downloaded file.
    array_sha256, rows_sha256 : str
        Hash of its numbers and of the row numbers of its splits, by the functions of those names.
    """

    name: str
    source_name: str
    header: str
    target: str
    random_splits: int
    source_sha256: str
    array_sha256: str
    rows_sha256: str

    @property
    def features(self) -> int:
        """Number of features."""
        return self.header.split(",").index(self.target)

    @property
    def source(self) -> str:
        """Path of the downloaded file below the base URL."""
        return f"{self.source_name}/data/data.txt"

    @property
    def data_file(self) -> str:
        """Path of the rows in the folder."""
        return f"data/{self.name}.csv.gz"

    @property
    def splits_file(self) -> str:
        """Path of the splits in the folder."""
        return f"splits/{self.name}.npz"


UCI_SETS = (
    Pinned(
        "boston",
        "bostonHousing",
        "CRIM,ZN,INDUS,CHAS,NOX,RM,AGE,DIS,RAD,TAX,PTRATIO,B,LSTAT,MEDV",
        "MEDV",
        20,
        "baadf72995725d76efe787b664e1f083388c79ba21ef9a7990d87f774184735a",
        "832e894115c56dd24ec63848d4a3d9bd921d268d0be1bee2a8f4ee5ea318f5f7",
        "f76dace4d38fd0d13a47a8399f1450b685b471445b7baeb39694028b5636eaa9",
    ),
    Pinned(
        "concrete",
        "concrete",
        "cement,blast_furnace_slag,fly_ash,water,superplasticizer,"
        "coarse_aggregate,fine_aggregate,age,compressive_strength",
        "compressive_strength",
        20,
        "43d290fd2c2a399ad7e62c45cab5337ba94ece69ebdcf5875aa668cb886243de",
        "d0e2d2f0f50277624d7d00b98c4e8b66465e8d5f2f51738500552b8b10a4689b",
        "fbd881f9424c22962d3c4537d5d06d93dd8d7d089a87ad7b7d491bce4bd6904f",
    ),
    Pinned(
        "energy",
        "energy",
        "X1,X2,X3,X4,X5,X6,X7,X8,Y1",
        "Y1",
        20,
        "7f8bf024cea437267d56be99b7af7bb3faebec8a7bccfbb20d06d52d9372a950",
        "3563209cb65c108b72e6ee45f56f12e53c3f346f10b6b30a79ec5b7c0a0a1dd9",
        "f84b9d1a995e958899de4d2bc799292ef88f823351cb0af7dd614be4e4f48706",
    ),
    Pinned(
        "kin8nm",
        "kin8nm",
        "theta1,theta2,theta3,theta4,theta5,theta6,theta7,theta8,y",
        "y",
        20,
        "a694ce0c7a21390f2bd2a205c36f2482cd974637a207038696716e22f3bbe810",
        "7fad37438fc1228ed099177766b084fb5577bf7457d7a6460f8d0389b21681ab",
        "7885df01248d14dc0dbda78d438e09e1a1df09627603a7ef9004abac29fb53fc",
    ),
    Pinned(
        "naval",
        "naval-propulsion-plant",
        "lp,v,GTT,GTn,GGn,Ts,Tp,T48,T1,T2,P48,P1,P2,Pexh,TIC,mf,compressor_decay,turbine_decay",
        "compressor_decay",
        20,
        "de0ea69da1efaab8b9655ffed828547d10dd68c1fb8c6e0163e6a988def393a6",
        "9e29f1dd09537ec700018dd325ce9a5ba43552398a4eb97379784e2b86e4ee42",
        "866da35d28c67be1f7803b1cc790fcf281ac421e1bec35d151825b82c4bbcff8",
    ),
    Pinned(
        "power",
        "power-plant",
        "AT,V,AP,RH,PE",
        "PE",
        20,
        "daebd20c408dfc5c4979604f240e891be162c3a5d00d662380aa669044a1fb31",
        "d3c75624ea5df1256c9b8e81560e1f9381014565c5f558d3293831fa521b82e9",
        "7fdb0b9414015b3e959d4cbaed2533208796c0a8050796de746cb07dc65bbe3b",
    ),
    Pinned(
        "protein",
        "protein-tertiary-structure",
        "F1,F2,F3,F4,F5,F6,F7,F8,F9,RMSD",
        "RMSD",
        5,
        "d35f332707e8a73f21e021039250a1e7b26e14f7dd826a0337ffa8e8e48b9727",
        "19667c545027b658fa8b2fa3620154e7046b3d263df1ec263514676eb3585096",
        "c1ecd6f7bf2289058c5e410147dc12603eaa7345d819cda6bcfb2a97279a1bbe",
    ),
    Pinned(
        "wine",
        "wine-quality-red",
        "fixed_acidity,volatile_acidity,citric_acid,residual_sugar,chlorides,"
        "free_sulfur_dioxide,total_sulfur_dioxide,density,pH,sulphates,alcohol,quality",
        "quality",
        20,
        "3ba41eaf4ab562088cf47b5c9dca2b4de2a330c3ee38a7920b4527a09574d5c1",
        "d4f6a6d672e0ee31d41fdd93b4b58985b45a31f2f971499c18137c42229278ac",
        "4e27aa32ee58e1e4ae84d90309e24410d1a28efd03c9d5ef8a9a21c6c6c1c2b0",
    ),
    Pinned(
        "yacht",
        "yacht",
        "LC,PC,L_D,B_Dr,L_B,Fr,residuary_resistance",
        "residuary_resistance",
        20,
        "00dfecc0fc01ddd4c90b558a3ac11b246df8ebcfea130724223475a9a67f0ea1",
        "ec08588637fd93582116a1ead33f0c1e787dae755168073608e030e5282a3f4e",
        "2bdd237a047d515f1aeade8e59ac2ecddd9c1a5c95f6092f90c01c759fb33920",
    ),
)
